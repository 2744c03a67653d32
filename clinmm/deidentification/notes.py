"""Free text: names, dates, telephone numbers, addresses and the other identifiers of 45 CFR
164.514(b)(2) (HIPAA Safe Harbor), found by rules.

Rules look for a form (a date, a number with its label) or for a name beside a word that
introduces one ("Dr.", "seen by", "daughter"). What a de-identification tool left behind
(`[**Name**]`, `[DATE]`, `XXXX`, `___`) is no finding.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from clinmm.deidentification.names import FAMILY, GIVEN
from clinmm.deidentification.words import EPONYM_NOUNS, EPONYMS, NOT_NAMES

KINDS = (
    "name",
    "date",
    "phone",
    "email",
    "url",
    "ssn",
    "record number",
    "address",
    "age over 90",
)


@dataclass(frozen=True, order=True)
class Span:
    """text[start:end] is of this kind."""

    start: int
    end: int
    kind: str


PLACEHOLDER = re.compile(
    r"\[\*\*.*?\*\*\]|\[[A-Z][A-Z0-9 ]+\]|\bX{3,}\b|_{2,}|<[A-Z][A-Z ]+>|\b(?:XYZ|ABC|0{4,})\b"
)
_LITERATURE = re.compile(r"\b10\.\d{4,}/\S+|\b(?:NCT|PMC|PMID:? ?|GSE|ISRCTN|MN|NC_?|MT)\d{5,}")

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?|JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|"
    r"SEP|OCT|NOV|DEC|january|february|april|june|july|august|september|october|november|december)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_YEAR = r"(?:19|20)\d\d"
_ORDINAL = (
    r"(?:(?:twenty-|thirty-)?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|tenth|"
    r"eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth)"
)
_DATES = (
    rf"(?<![\d./-]){_YEAR}([-/.])(?:0?[1-9]|1[0-2])\1{_DAY}(?![\d/-])",
    rf"(?<![\d./-]){_DAY}([-/.]){_DAY}\1{_YEAR}(?![\d/-])",
    rf"(?<![\d./-]){_DAY}/{_DAY}/\d\d(?![\d/-])",
    r"(?<![\d./-])(?:0[1-9]|[12]\d|3[01])([-.])(?:0[1-9]|[12]\d|3[01])\1\d\d(?![\d/-]|\.\d)",
    rf"\b{_DAY}(?:st|nd|rd|th)?(?: of)?[ -]{_MONTH}\.?(?:,?[ -](?:{_YEAR}|'?\d\d(?!\d)))?(?![a-z])",
    rf"\b{_MONTH}\.?[ -]{_DAY}(?:st|nd|rd|th)?\b(?!\.\d|:|%| ?(?:mg|ml|cm|mm|days?|weeks?|x)\b)"
    rf"(?:,? ?{_YEAR}\b)?",
    rf"\b{_MONTH}\.?,?(?: of)?[ -/]{_YEAR}\b",
    rf"\b{_MONTH},? the {_DAY}(?:st|nd|rd|th)\b",
    rf"(?i:\b{_ORDINAL}) (?:of )?{_MONTH}(?![a-z])",
    rf"(?i:\b(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?),? (?:the )?"
    rf"{_DAY}(?:st|nd|rd|th)\b",
    rf"(?<![\d./-])(?:0?[1-9]|1[0-2])/{_YEAR}(?![\d/-])",
    r"(?i:\b(?:returned|reviewe?d?|visit|appointment|appt|booked|scheduled|discharged|admitted):? )"
    rf"((?!2/2\b){_DAY}/{_DAY})(?![\d/]|\.\d| ?(?:strength|scale|power|murmur))",
    rf"(?<!\d){_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<=\bon )(?:{_DAY}/{_DAY}|{_DAY}-{_DAY})(?![/\d-]|\.\d| ?(?:strength|scale|power|murmur))",
    rf"(?<=\b(?:from|ated|ince|ntil|late) )(?:{_DAY}/{_DAY})(?![/\d]| ?(?:strength|scale|power))",
)
_PHONES = (
    r"(?<![\w.-])(?:\+?1[ .-]?)?(?:\(\d{3}\) ?\d{3}[ .-]|\d{3}[.-]\d{3}[.-])\d{4}(?!\d)",
    r"(?<![\w./-])[2-9]\d{2}-\d{4}(?![\w/-]|[.,]\d| ?(?:%|mg|g\b|ng|pg|mcg|ml|U\b|IU|units|x\b))",
    r"(?<![\w.])00 ?\d{1,3}(?:[ .-]\d{1,5}){2,5}(?!\d)",
    r"(?<![\w.])\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}(?!\d)",
    r"(?<![\w.-])0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}(?!\d|\.\d)",
    r"(?i:\b(?:tel|telephone|phone|fax|mobile|cell|call(?:ed)?|contact|landline|whatsapp|ring)\b)"
    r"(?i:\W{0,3}(?:no\.?|number|at|#|is)?\W{0,3})(\+?\(?\d(?:[ ().-]{0,2}\d){6,14})(?!\d)",
    r"(?i:\b(?:pager|beeper|ext|extension|bleep)\b)(?i:\W{0,3}(?:no\.?|number|#)?\W{0,3})(\d{4,6})\b",
)
_RECORDS = (
    r"(?i:\b(?:MRN|MR ?#|medical record|hosp(?:ital)? (?:no|number|id)|NHS|health card|"
    r"medicare|medicaid|acc(?=\.? [A-Z\d-]*\d{3})|ref(?=\.? [A-Z\d/-]*\d{3})|"
    r"passport|(?:patient|pt|case|chart|record|account|acct|accession|file|visit|encounter|"
    r"specimen|policy|insurance|member|claim|licen[cs]e|study|unit|employee|badge|collar|staff|"
    r"interpreter|ref(?:erence)?)"
    r"\.?[ -]?(?:(?:id|no|number|num)\b|#)))"
    r"(?i:\.?[ :#.=]*(?:id|is|number|no\.?|num|#)?[ :#.=]*)"
    r"((?=[A-Za-z0-9/-]*\d[A-Za-z0-9/-]*\d)[A-Za-z0-9][A-Za-z0-9/-]{3,}(?: \d{2,4}){0,3}|"
    r"[A-Z]{1,3}(?: \d{2,4}){1,4}|\d{3}(?: \d{2,4}){1,3})",
    r"\b[A-Z]{1,3}\d\d-\d{3,}(?!\w|[.,-]\d)",  # specimens: S20-11482
    r"\b[A-Z]{2,4}([/-])\d{2,4}\1\d{3,}(?!\w|[.,/-]\d)",
    r"(?<![\w./-])\d{3}-\d\d-\d\d(?![\w/-]|\.\d)",
    r"(?<![\w./-])\d{6,}-[A-Z](?!\w)",
    r"(?<![\w.,/-])\d{7,}(?![\w/-]|[.,]\d| ?(?:copies|cells|IU|U\b|ml|/|x\b|per\b))",
    r"(?<![\w.-])[A-Z]{1,3}-?\d{6,}\b(?!/|\.\d)",
)
_NHS = re.compile(r"(?<![\w.-])(\d{3}) (\d{3}) (\d{4})(?!\w|[.-]\d)")
_STREET = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Terrace|"
    r"Square|Sq|Crescent|Close|Mews|Quay|Quayside|Row|Place|Pl|Hill|Highway|Hwy|Parkway|Pkwy|"
    r"Circle|Cir|Trail|Grove|Gardens)"
)
_STATE = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|"
    r"S[CD]|T[NX]|UT|V[AT]|W[AIVY])"
)
_ADDRESSES = (
    rf"\b\d{{1,5}}[A-Za-z]? (?:[NSEW]\.? )?(?:[A-Z][\w'’-]+ ){{1,3}}{_STREET}\b\.?"
    rf"(?:,? (?:Apt|Unit|Flat|Suite|#)\.? ?\w+)?"
    rf"(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+)?,? {_STATE}(?: \d{{5}}(?:-\d{{4}})?)?)?",
    rf"\b(?:[A-Z][a-z]+(?: [A-Z][a-z]+)?,? )?{_STATE} \d{{5}}(?:-\d{{4}})?\b",
    r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b",
    r"\b[A-ZÄÖÜ][a-zäöüß]+(?:straße|strasse|str\.|gasse|platz|allee|weg) \d{1,4}[a-z]?\b",
    r"\b[A-Z][\w'’-]+ (?:Street|Road|Avenue|Lane|Terrace|Mews|Crescent)\b"
    r"(?:, [A-Z][\w'’-]+(?: [A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2})?)?",
    r"\b\d{1,4}[A-Za-z]?,? (?:rue|avenue|boulevard|place|chemin|[Vv]ia|[Cc]alle|[Vv]iale) "
    r"(?:de |du |des |dei |della |la |le |l'|d')*"
    r"[A-ZÀ-Þ][\w'-]+(?: [A-ZÀ-Þ][\w'-]+)?",
    r"\b(?:Calle|Avenida|Av\.|Via|Viale|Rua|Piazza|Carrera) (?:de |da |do |la |los |las )*"
    r"[A-ZÀ-Þ][\w'-]+(?: [A-ZÀ-Þ][\w'-]+)?,? (?:n\.?º? ?|#)?\d{1,5}\b",
    r"\bP\.? ?O\.? Box \d+",
)
# 90 is what Safe Harbor writes for everybody of 90 or older, so it tells nobody apart.
_AGES = (
    r"(?<![\d.])(9[1-9]|1[01]\d)(?=[- ]?(?:years?|yrs?|y)[- ./]?(?:old|o\b|of age))",
    r"(?<![\d.])(9[1-9]|1[01]\d)(?=[- ]?(?:yo|y\.o\.?|YO|y/o)\b)",
    r"(?<![\d./])(9[1-9]|1[01]\d)(?= ?[MF]\b(?!\w)|[- ]years?[- ](?:male|female|man|woman|lady))",
    r"(?i:\b(?:aged?|is)\b:? ?)(9[1-9]|1[01]\d)(?= ?(?:years?|yrs?)\b)",
    r"(?i:\baged? ?:? ?)(9[1-9]|1[01]\d)(?!\d|\.\d|%|th| ?(?:days?|months?|weeks?|mg|ml))",
    r"(?i:\bninety[- ](?:one|two|three|four|five|six|seven|eight|nine))(?=[- ]years?[- ]old)",
    r"(?i:\b(?:nonage|cente)narian\b)",
    r"(?<![\d.])(9[1-9]|1[01]\d)(?=y\b)",
    r"(?i:\b(?:lady|gentleman|man|woman|widow|widower) of |\bturn(?:ed|s|ing) )(9[1-9]|1[01]\d)"
    r"(?![\d.%]\d| ?(?:%|mg|ml|kg|degrees))\b",
)

_SIMPLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("email", (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",)),
    (
        "url",
        (
            r"(?i:\b(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:)])",
            r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}/[^\s<>\"']*[^\s<>\"'.,;:)]",
        ),
    ),
    (
        "ssn",
        (
            r"(?<![\w-])(?!000|666)\d{3}-\d{2}-\d{4}(?![\w-])",
            r"(?i:\b(?:SSN|social security)(?: (?:number|no\.?))?[ :#]*)"
            r"(\d{3}[- ]?\d{2}[- ]?\d{4})\b",
            r"(?<![\w.-])(?!000|666)\d{3} \d{2} \d{4}(?!\w|[.,-]\d)",
            r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]\b",  # British national insurance
            r"(?i:\blast (?:four|4)(?: digits)?(?: of (?:ssn|social))?:? )(\d{4})\b",
        ),
    ),
    ("date", _DATES),
    ("phone", _PHONES),
    ("record number", _RECORDS),
    ("address", _ADDRESSES),
    ("age over 90", _AGES),
)

_W = r"(?:[A-ZÀ-ÖØ-ÞĀ-Ž][a-zß-öø-ÿā-ž]*(?:['’][A-ZÀ-Þ])?[a-zß-öø-ÿā-ž]+(?:-[A-ZÀ-Þ]?[a-zß-ÿ]+)*)"
_CAPS = r"(?:[A-ZÀ-Þ](?:['’][A-Z])?[A-ZÀ-Þ]{1,}(?:-[A-Z]{2,})?)"
_INITIAL = r"(?:[A-Z]\.? ?)"
_PARTICLE = (
    r"(?:(?:de|da|do|dos|del|della|di|la|las|los|van|von|der|den|ter|al|el|bin|ibn|ben|abu|le|y) |"
    r"al-|el-|d'|O'|Mc|Mac)"
)
_FULL = (
    rf"(?:{_INITIAL}){{0,2}}{_PARTICLE}{{0,2}}{_W}"
    rf"(?:[ -](?:{_INITIAL})?{_PARTICLE}{{0,3}}{_W}){{0,2}}"
)
_RELATED = (
    r"daughter|son|wife|husband|mother|father|brother|sister|niece|nephew|partner|aunt|uncle|"
    r"grandson|granddaughter|friend|neighbou?r|caregiver|carer|spouse|guardian|mum|mom|dad|"
    r"grand(?:mother|father|ma|pa)|girlfriend|boyfriend|fianc[ée]e?|cousin|colleague"
)
_KIN = re.compile(rf"(?i:{_RELATED})")
_WHO = (
    r"seen by|dictated by|reviewed by|signed by|signed|referred by|read by|reported by|reporting|"
    r"interpreted by|performed by|electronically signed by|evaluated by|examined by|discussed with|"
    r"d/w|spoke with|spoke to|communicated (?:to|with)|informed|notified|under the care of|"
    r"care of|attending|resident|fellow|surgeon|radiologist|cardiologist|oncologist|consultant|"
    r"physician|nurse|PCP|GP|transcribed by|transcriptionist|technologist|provider|"
    r"next of kin|NOK|contact|patient name|pt name|name|patient|pt|cc|to see|visited by|w/|"
    r"phoned to|manager|assistant|chaplain|Rev\.?|landlord|midwife|pharmacist|interpreter|"
    r"registrar|"
    r"DPOA|accepting MD|accepting|sending|MD"
)
_TITLE = (
    r"\b(?:Dr|DR|Mr|MR|Mrs|MRS|Ms|Miss|Mx|Prof|Professor|Doctor|Herr|Frau|Mme|Sra|Señora?|Sir|Dra)"
    r"\b\.?"
)
_TITLED = re.compile(rf"{_TITLE} {{0,2}}(?:{_TITLE} )?((?:{_FULL})|{_CAPS}(?: {_CAPS})?)")
_PLACE = re.compile(r"\b(?:Hospital|Clinic|University|Institute|Centre|Center)\b[^.,;\n]*$")
_CREDENTIALS = re.compile(
    rf"({_FULL}),? (?:M\.?D\b|R\.?N\b|Ph\.?D\b|D\.?O\b\.?|N\.?P\b|PA-C\b|MBBS\b|FRC[RPS]\b|"
    r"DDS\b|RT\b\(R\)|PGY-?\d|FY\d\b|MBChB\b|Esq\b|SHO\b|CRNA\b)"
)
_INTRODUCED = re.compile(
    rf"\b(?i:{_RELATED}|{_WHO})(?: (?:is|was|named|called|of))?(?:[:,]? +\(?)({_FULL})"
)
_APART = re.compile(  # "GP: Fenwick." and "Husband (Lubomir)" leave no doubt, nor does "son Desta"
    rf"\b(?:(?i:{_RELATED}|GP|PCP|NOK|attending|emergency contact|sending|accepting MD)(?: ?\(|: ?)"
    rf"({_FULL})(?= ?[),.;/])|(?:{_RELATED}) ({_W})\b(?! [A-Z]))"
)
_BESIDE_NUMBER = re.compile(
    rf"\b({_CAPS},? (?:{_W}(?: {_W})?|{_CAPS}))"
    r"(?=[\s,(]{1,3}(?i:DOB|D\.O\.B|MRN|NHS|policy|born)\b)"
)
_LABELLED = re.compile(
    rf"\b(?:(?i:patient name|pt name|surname|full name|name|nok|attending|radiologist|"
    r"physician|referring physician))"
    rf" ?: *({_CAPS}(?:,? {_CAPS}){{0,2}}|{_FULL}(?:, ?{_FULL})?)"
)
_PAIR = re.compile(rf"({_W}) ((?:{_INITIAL}){{0,2}}{_PARTICLE}{{0,3}}{_W}(?:-{_W})?)")
_INITIAL_FAMILY = re.compile(rf"\b((?:[A-Z]\. ?){{1,2}})({_W})")
_COMMA = re.compile(rf"\b({_W}|{_CAPS})(?:, ?|\^)({_W}|{_CAPS})\b")
_CAPS_PAIR = re.compile(rf"\b({_CAPS})(?: [A-Z]\.?)? ({_CAPS})\b")


def _compiled() -> list[tuple[str, list[re.Pattern[str]]]]:
    return [(kind, [re.compile(pattern) for pattern in patterns]) for kind, patterns in _SIMPLE]


_RULES = _compiled()


def find_spans(text: str) -> list[Span]:
    """What identifies somebody in a text, in order, without overlaps.

    Args:
        text: a note, or any other text.

    Reference:
        45 CFR 164.514(b)(2)(i). The rules are this project's own; their precision and recall are
        in docs/deidentification.md.

    >>> [(s.kind, s.start) for s in find_spans("Seen by Dr. Okafor on 3/14/2019, BP 120/80.")]
    [('name', 12), ('date', 22)]
    >>> find_spans("Foley in place for 7 days, Kerley B lines, T1 2 cm.")
    []
    """
    hidden = _hide(text)
    taken: list[Span] = []
    for span in _candidates(hidden):
        if span.end - span.start > 1 and not any(
            span.start < other.end and other.start < span.end for other in taken
        ):
            taken.append(span)
    return sorted(taken)


def _hide(text: str) -> str:
    """The text with placeholders and references to papers made unreadable, at equal length."""
    for pattern in (PLACEHOLDER, _LITERATURE):
        text = pattern.sub(lambda found: "\0" * len(found.group()), text)
    return text


def _candidates(text: str) -> Iterator[Span]:
    for kind, patterns in _RULES:
        for pattern in patterns:
            for found in pattern.finditer(text):
                # A group around an identifier leaves its label outside; groups of one sign are
                # separators.
                whole = not found.re.groups or len(found.group(1) or "") <= 1
                yield Span(*found.span(0 if whole else 1), kind)
        if kind == "record number":
            yield from _nhs(text)
    yield from _names(text)


def _nhs(text: str) -> Iterator[Span]:
    """British NHS numbers: ten digits whose last is a check digit (modulus 11)."""
    for found in _NHS.finditer(text):
        digits = [int(sign) for sign in "".join(found.groups())]
        check = 11 - sum(d * w for d, w in zip(digits, range(10, 1, -1), strict=False)) % 11
        if check % 11 == digits[9]:
            yield Span(*found.span(), "record number")


def _names(text: str) -> Iterator[Span]:
    for found in _TITLED.finditer(text):
        start, end = found.span(1)
        end = _without_tail(text, start, end)
        # "Hospital Doctor Peset" is a place.
        if end > start and not _PLACE.search(text, max(0, found.start() - 40), found.start()):
            yield Span(start, end, "name")
    for pattern in (_CREDENTIALS, _LABELLED, _INTRODUCED):
        for found in pattern.finditer(text):
            start, end = found.span(1)
            end = _without_tail(text, start, end)
            words = _words(text[start:end])
            if not words or _is_eponym(text, start, end):
                continue
            # In a heading such as "Patient Positioning System" every word has a capital.
            head = text[found.start() : start]
            heading = head[:1].isupper() and ":" not in head and not _KIN.match(head)
            if pattern is not _INTRODUCED or _plausible(words, heading):
                yield Span(start, end, "name")
    for found in _APART.finditer(text):
        start, end = found.span(found.lastindex or 0)
        end = _without_tail(text, start, end)
        if end > start and not _is_eponym(text, start, end):
            yield Span(start, end, "name")
    for found in _BESIDE_NUMBER.finditer(text):
        yield Span(*found.span(1), "name")
    yield from _listed(text)


def _listed(text: str) -> Iterator[Span]:
    """Names of the lists beside another capitalised word."""
    for found in _PAIR.finditer(text):
        first, rest = found.group(1).lower(), _words(found.group(2))
        known = first in GIVEN or any(part in GIVEN for part in first.split("-"))
        if known and rest and rest[-1].lower() not in NOT_NAMES and not _followed(text, found):
            yield Span(*found.span(), "name")
    for found in _INITIAL_FAMILY.finditer(text):
        if found.group(2).lower() in FAMILY and not _followed(text, found):
            yield Span(*found.span(), "name")
    for pattern in (_COMMA, _CAPS_PAIR):
        for found in pattern.finditer(text):
            one, two = found.group(1).lower(), found.group(2).lower()
            family_first = one in FAMILY and two in GIVEN
            if (family_first or (one in GIVEN and two in FAMILY)) and not _followed(text, found):
                yield Span(*found.span(), "name")


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_][\w'’-]+", text)


def _without_tail(text: str, start: int, end: int) -> int:
    """Where the name ends: before the first word that is none ("Dr. Smith Department")."""
    last = start
    for found in re.finditer(r"[\w'’-]+\.?", text[start:end]):
        word = found.group().rstrip(".").lower()
        if word in NOT_NAMES or word.removesuffix("'s").removesuffix("’s") in NOT_NAMES:
            break
        last = start + found.end()
    piece = text[start:last]
    return last - len(re.search(r"(?:['’]s)?[.,]?$", piece).group())  # type: ignore[union-attr]


def _plausible(words: Collection[str], heading: bool) -> bool:
    """After a word that often introduces a name: a listed name, or, but in a heading, two words
    none of which is an eponym."""
    low = [word.lower() for word in words]
    if any(part in GIVEN or part in FAMILY for word in low for part in (word, *word.split("-"))):
        return True
    return len(low) > 1 and not heading and not any(word in EPONYMS for word in low)


def _is_eponym(text: str, start: int, end: int) -> bool:
    low = [word.lower() for word in _words(text[start:end])]
    return all(word in EPONYMS for word in low) or bool(_AFTER.match(text, end))


_AFTER = re.compile(rf"(?:['’]s)?[ -](?:{'|'.join(sorted(EPONYM_NOUNS))})\b", re.IGNORECASE)


def _followed(text: str, found: re.Match[str]) -> bool:
    """Whether a noun follows that makes it the name of a thing: hospital, sign, syndrome."""
    return bool(_AFTER.match(text, found.end()))
