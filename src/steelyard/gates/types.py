"""The types of the statements that gates write: assessments, decisions, appointments."""

from steelyard.evidence.statement import PREDICATE

ASSESSMENT_TYPE = PREDICATE.format("assessment")
DECISION_TYPE = PREDICATE.format("decision")
APPOINTMENT_TYPE = PREDICATE.format("appointment")
