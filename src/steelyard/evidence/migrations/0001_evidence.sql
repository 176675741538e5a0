-- The truth of the house: signed envelopes, in the order in which they came. Every row has a leaf in the ledger.
CREATE TABLE evidence_envelope (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  digest TEXT NOT NULL UNIQUE,
  predicate_type TEXT NOT NULL,
  system TEXT,
  received BIGINT NOT NULL,
  body BLOB NOT NULL
);;
CREATE INDEX evidence_envelope_system ON evidence_envelope (system, seq);;
-- What follows are indexes: rebuilt from the envelopes at any time.
CREATE TABLE evidence_item (
  digest TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  system TEXT NOT NULL,
  kind TEXT NOT NULL,
  issued TEXT NOT NULL,
  valid_until TEXT,
  confidence TEXT NOT NULL,
  signer TEXT NOT NULL,
  obligations TEXT,
  result TEXT NOT NULL
);;
CREATE INDEX evidence_item_system ON evidence_item (system, seq);;
CREATE TABLE evidence_subject (
  digest TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL
);;
CREATE INDEX evidence_subject_item ON evidence_subject (digest);;
CREATE INDEX evidence_subject_sha256 ON evidence_subject (sha256);;
CREATE TABLE evidence_key (
  keyid TEXT PRIMARY KEY,
  public BLOB NOT NULL,
  purpose TEXT NOT NULL,
  holder TEXT NOT NULL,
  starts TEXT NOT NULL,
  ends TEXT,
  revoked TEXT
);;
-- Files that statements name, under their own digest.
CREATE TABLE evidence_attachment (
  sha256 TEXT PRIMARY KEY,
  size BIGINT NOT NULL,
  body BLOB NOT NULL
);;
