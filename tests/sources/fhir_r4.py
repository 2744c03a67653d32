"""FHIR R4 as servers give it: the shapes of HL7's R4 examples and of Synthea's bundles."""

import base64
import json
from typing import Any

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"


def coded(code: str, display: str, system: str = LOINC) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def patient(name: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": name,
        "text": {
            "status": "generated",
            "div": '<div xmlns="http://www.w3.org/1999/xhtml">Jane Doe</div>',
        },
        "identifier": [
            {
                "use": "usual",
                "type": {
                    "coding": [
                        {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
                    ]
                },
                "system": "urn:oid:1.2.36.146.595.217.0.1",
                "value": "MRN-778123",
            }
        ],
        "active": True,
        "name": [{"use": "official", "family": "Doe", "given": ["Jane"]}],
        "gender": "female",
        "birthDate": "1956-02-03",
        "_birthDate": {
            "extension": [
                {
                    "url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                    "valueDateTime": "1956-02-03T14:35:45-05:00",
                }
            ]
        },
        "deceasedBoolean": False,
        "managingOrganization": {"reference": "Organization/1"},
        **more,
    }


def encounter(name: str, of: str, start: str | None) -> dict[str, Any]:
    period = {"period": {"start": start}} if start else {}
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "type": [coded("270427003", "Patient-initiated encounter", "http://snomed.info/sct")],
        "subject": {"reference": f"Patient/{of}", "display": "Jane Doe"},
        **period,
    }


def observation(of: str, code: dict[str, Any], at: str | None, **value: Any) -> dict[str, Any]:
    when = {"effectiveDateTime": at} if at else {}
    category = coded(
        "vital-signs", "Vital Signs", "http://terminology.hl7.org/observation-category"
    )
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [category],
        "code": code,
        "subject": {"reference": f"Patient/{of}"},
        **when,
        **value,
    }


def quantity(value: float, unit: str, code: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": code}}


TEMPERATURE = coded("8310-5", "Body temperature")
SMOKING = coded("72166-2", "Tobacco smoking status NHIS")


def blood_pressure(of: str, at: str, systolic: int, diastolic: int) -> dict[str, Any]:
    """HL7's R4 example `blood-pressure`: two components, no value of its own."""
    parts = [
        {"code": coded("8480-6", "Systolic blood pressure")} | quantity(systolic, "mmHg", "mm[Hg]"),
        {"code": coded("8462-4", "Diastolic blood pressure")}
        | quantity(diastolic, "mmHg", "mm[Hg]"),
    ]
    panel = coded("85354-9", "Blood pressure panel with all children optional")
    return observation(of, panel, at, component=parts)


def attachment(text: str, kind: str = "text/plain; charset=utf-8") -> dict[str, Any]:
    return {"contentType": kind, "data": base64.b64encode(text.encode()).decode()}


def report(of: str, issued: str, *forms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": coded("18748-4", "Diagnostic imaging study"),
        "subject": {"reference": f"Patient/{of}"},
        "effectiveDateTime": issued,
        "issued": issued,
        "presentedForm": list(forms),
        **more,
    }


def document(of: str, date: str, form: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "docStatus": "preliminary",
        "type": coded("34108-1", "Outpatient Note"),
        "subject": {"reference": f"Patient/{of}"},
        "date": date,
        "content": [{"attachment": form}],
        "context": {"period": {"start": date, "end": date}},
    }


def condition(of: str, name: str, code: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "clinicalStatus": coded(
            "active", "Active", "http://terminology.hl7.org/condition-clinical"
        ),
        "code": coded(code, name, "http://snomed.info/sct"),
        "subject": {"reference": f"Patient/{of}"},
        **more,
    }


def imaging_study(of: str, started: str, series: str, *instances: str) -> dict[str, Any]:
    """R4's element names (`procedureReference`, `procedureCode`), which R5 refuses."""
    return {
        "resourceType": "ImagingStudy",
        "id": f"study-{of}",
        "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.124.113543.1"}],
        "status": "available",
        "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "DX"}],
        "subject": {"reference": f"Patient/{of}"},
        "started": started,
        "procedureReference": {"reference": "Procedure/ex"},
        "procedureCode": [coded("399208008", "Plain chest X-ray", "http://snomed.info/sct")],
        "numberOfSeries": 1,
        "numberOfInstances": len(instances),
        "series": [
            {
                "uid": series,
                "number": 1,
                "modality": {
                    "system": "http://dicom.nema.org/resources/ontology/DCM",
                    "code": "DX",
                },
                "bodySite": {"system": "http://snomed.info/sct", "code": "51185008"},
                "instance": [
                    {
                        "uid": uid,
                        "sopClass": {
                            "system": "urn:ietf:rfc:3986",
                            "code": "urn:oid:1.2.840.10008.5.1.4.1.1.1.1",
                        },
                        "number": number,
                    }
                    for number, uid in enumerate(instances, start=1)
                ],
            }
        ],
    }


MEDICATION = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": coded("259255", "Atorvastatin"),
    "subject": {"reference": "Patient/1"},
}


def bundle(*resources: dict[str, Any], full_urls: bool = False) -> str:
    entries = [
        {"resource": resource}
        | ({"fullUrl": f"urn:uuid:{place:08}"} if full_urls else {})
        | {"request": {"method": "POST", "url": resource.get("resourceType", "")}}
        for place, resource in enumerate(resources)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
