-- Indexes over signed statements: rebuilt from the envelopes at any time.
CREATE TABLE gates_assessment (
  digest TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  system TEXT NOT NULL,
  case_digest TEXT NOT NULL,
  profile TEXT NOT NULL,
  policy TEXT NOT NULL,
  tier_lowest TEXT NOT NULL,
  tier_highest TEXT NOT NULL,
  judged TEXT NOT NULL,
  bases TEXT NOT NULL
);;
CREATE INDEX gates_assessment_system ON gates_assessment (system, seq);;
CREATE TABLE gates_decision (
  digest TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  system TEXT,
  action TEXT NOT NULL,
  case_digest TEXT,
  gate TEXT,
  obligation TEXT,
  role TEXT NOT NULL,
  person TEXT NOT NULL,
  decided TEXT NOT NULL,
  until TEXT,
  more TEXT NOT NULL
);;
CREATE INDEX gates_decision_system ON gates_decision (system, seq);;
CREATE TABLE gates_appointment (
  digest TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  person TEXT NOT NULL,
  role TEXT NOT NULL,
  unit TEXT NOT NULL,
  starts TEXT NOT NULL,
  until TEXT,
  appointed_by TEXT NOT NULL
);;
CREATE INDEX gates_appointment_person ON gates_appointment (person, role);;
