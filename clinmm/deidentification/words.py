"""Words that look like names and are none."""

EPONYM_NOUNS = frozenset(
    """
    sign signs disease syndrome catheter catheters test tests line lines murmur score scores
    criteria classification fracture tumor tumour ulcer palsy reflex node nodes type stage grade
    hospital clinic university college medical center centre institute school foundation stain
    contracture hernia diverticulum duct lymphoma sarcoma anomaly malformation dystrophy angina
    thyroiditis cirrhosis position view views projection maneuver manoeuvre procedure operation
    repair stent valve tube drain rod rods nail plate plates screw filter pump scale index
    formula equation angle triad tetralogy agar medium solution esophagus oesophagus gland cell
    cells body bodies space pouch ring rings artery vein canal foramen ligament muscle fascia
    membrane phenomenon effect law method technique protocol trial study group council street
    county district province city region avenue airport
    """.split()  # noqa: SIM905
)

EPONYMS = frozenset(
    """
    foley kerley swan ganz parkinson alzheimer crohn hodgkin graves hashimoto cushing addison bell
    down marfan raynaud sjogren sjögren wegener barrett murphy mcburney babinski romberg glasgow
    apgar doppler holter hickman pratt penrose kocher whipple billroth hartmann bochdalek morgagni
    ghon ranke pancoast horner tietze chilaiditi hampton westermark fleischner bosniak gleason
    breslow clark spitz paget bowen kaposi merkel schatzki zenker meckel virchow cobb scheuermann
    schmorl bankart sachs colles salter ringer dobhoff dobbhoff broviac mediport groshong quinton
    blakemore sengstaken harrington fontan glenn mustard fallot ebstein wolff white kartagener
    kawasaki takayasu behcet behçet still felty caplan hamman rich goodpasture castleman
    langerhans hounsfield blumberg mcconnell legionella wells child pugh ludwig quincke wilson
    charcot tourette huntington guillain barre barré ehlers danlos klinefelter turner noonan
    """.split()  # noqa: SIM905
)

NOT_NAMES = frozenset(
    """
    a an and are as at be been by but can did do does due for from had has have he her his if in
    into is it its may no nor not of off on or our out per prior she since so than that the their
    then there these they this those to today tomorrow tonight until up upon was we were when
    where which while who will with without yesterday you your all also any both each few more
    most other same some such only own very now here after before during again further once
    monday tuesday wednesday thursday friday saturday sunday january february march april june
    july august september october november december
    abdomen abdominal acute admission admit admitted age aged alert allergies allergy ambulance
    ambulatory anemia anterior ap appointment april assessment asthma atrial bilateral biopsy
    blood bone brain breast care cardiac cardiology case cervical chest chief clear clinic
    clinical comparison complains complaint concern condition consult consultation consultant
    contrast copd coronavirus covid ct date day daughter denies department diabetes diagnosis
    discharge disease doctor dose drug ecg echo emergency evaluation exam examination family father
    female fever film final findings followup follow frontal general given gp headache heart hepatic
    hernia history home hospital husband hx hypertension icu imaging impression indication
    infection inferior information intensive internal kidney lab laboratory lateral left lives
    liver lobe lower lumbar lung lungs male man medical medication medications medicine meds
    mild moderate mother mri name negative neuro neurology new normal note notes nurse nursing
    observation office oncology one operating orthopedic orthopedics outpatient oxygen pa pain
    past patient patients pcp pediatric pediatrics phone physical physician plan please pleural
    pneumonia pneumothorax portable positive posterior pre presented presents primary private
    procedure progress provider psychiatry pt pulmonary radiograph radiographs radiologist
    radiology re reason recent referral report reports request resident respiratory result
    results review right room routine scan second section see seen service services severe sex
    sinus skin small social son spine stable status stent stroke study superior surgeon surgery
    surgical symptoms team technique telephone temperature test tests thoracic three time
    trauma treatment two ultrasound unit unknown upper urgent urology vascular view views visit
    ward weight wife woman wound x-ray xray year years young elderly adult child md rn phd np
    dr mr mrs ms miss prof professor sir staff attending nos none
    hubei wuhan china italy iran spain france germany japan korea london york madrid milan rome
    paris tehran lombardy vietnam asia europe africa america
    """.split()  # noqa: SIM905
)
