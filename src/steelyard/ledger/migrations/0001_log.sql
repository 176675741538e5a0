-- The logs of this store. `log` counts from 1; a log that a restore ended has `ended` set and is never appended to again.
CREATE TABLE ledger_log (
  log BIGINT PRIMARY KEY,
  origin TEXT NOT NULL UNIQUE,
  public BLOB NOT NULL,
  opened BIGINT NOT NULL,
  ended BIGINT
);;
-- The right edge of each log. Its row is the sequencer's lock.
CREATE TABLE ledger_head (
  log BIGINT PRIMARY KEY REFERENCES ledger_log (log),
  size BIGINT NOT NULL,
  frontier BLOB NOT NULL,
  updated BIGINT NOT NULL
);;
-- Records that were acknowledged inside somebody's transaction and wait to become leaves.
CREATE TABLE ledger_queue (
  ticket INTEGER PRIMARY KEY AUTOINCREMENT,
  leaf BLOB NOT NULL,
  object TEXT,
  queued BIGINT NOT NULL
);;
CREATE TABLE ledger_entry (
  log BIGINT NOT NULL,
  idx BIGINT NOT NULL,
  leaf BLOB NOT NULL,
  object TEXT,
  PRIMARY KEY (log, idx)
);;
CREATE INDEX ledger_entry_object ON ledger_entry (object, log, idx) WHERE object IS NOT NULL;;
CREATE TABLE ledger_tile (
  log BIGINT NOT NULL,
  level BIGINT NOT NULL,
  tile BIGINT NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (log, level, tile)
);;
-- Every checkpoint ever signed.
CREATE TABLE ledger_checkpoint (
  log BIGINT NOT NULL,
  size BIGINT NOT NULL,
  note TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (log, size)
);;
CREATE TABLE ledger_cosignature (
  log BIGINT NOT NULL,
  size BIGINT NOT NULL,
  witness TEXT NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (log, size, witness)
);;
-- The openings of commitments in leaves: erasable, unlike the leaves.
CREATE TABLE ledger_secret (
  commitment TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  field TEXT NOT NULL,
  salt BLOB NOT NULL,
  ciphertext BLOB NOT NULL
);;
CREATE INDEX ledger_secret_subject ON ledger_secret (subject);;
CREATE TABLE ledger_subject (
  subject TEXT PRIMARY KEY,
  wrapped BLOB,
  erased BIGINT
);;
