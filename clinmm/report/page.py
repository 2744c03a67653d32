"""The page: everything the report says, through the template that escapes it."""

from pathlib import Path

from clinmm.report.answers import answers
from clinmm.report.evidence import exhibits
from clinmm.report.examples import examples
from clinmm.report.fusion import fusion
from clinmm.report.making import making
from clinmm.report.material import Material
from clinmm.report.opening import NOTICE, lead, title
from clinmm.report.readers import readers
from clinmm.report.template import filled
from clinmm.report.values import answers_of_values, exhibits_of_values, is_of_values
from clinmm.runs import Run


def page(run: Run) -> str:
    """The report of a run of any kind, as HTML that loads nothing.

    A table that is not there is named in its section, with the command that makes it.
    """
    material = Material.of(run)
    values = is_of_values(material)
    shown, no_examples = examples(material)
    return filled(
        Path(__file__).with_name("report.html.j2"),
        title=title(material),
        notice=NOTICE,
        kind=material.kind,
        lead=lead(material),
        opening=fusion(material),
        answers=answers_of_values(material) if values else answers(material),
        exhibits=[
            *(exhibits_of_values(material) if values else exhibits(material)),
            *readers(material),
        ],
        examples=shown,
        no_examples=no_examples,
        notes_shown=any(example.notes for example in shown),
        unit=material.unit,
        making=making(material),
    )
