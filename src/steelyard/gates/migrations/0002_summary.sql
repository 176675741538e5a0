-- The read model behind lists: one row for each system on record, kept in the transaction of each change, rebuildable.
CREATE TABLE gates_system (
  system TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  unit TEXT NOT NULL,
  owner TEXT NOT NULL,
  stage TEXT NOT NULL,
  tier_lowest TEXT NOT NULL,
  tier_highest TEXT NOT NULL,
  lane TEXT NOT NULL,
  owed BIGINT NOT NULL,
  done BIGINT NOT NULL,
  shut BIGINT NOT NULL,
  waiting TEXT NOT NULL,
  prohibited BIGINT NOT NULL,
  stopped BIGINT NOT NULL,
  case_digest TEXT NOT NULL,
  submitted TEXT NOT NULL,
  due TEXT,
  changed BIGINT NOT NULL
);;
CREATE INDEX gates_system_name ON gates_system (name, system);;
CREATE INDEX gates_system_unit ON gates_system (unit, name, system);;
CREATE INDEX gates_system_tier ON gates_system (tier_highest, name, system);;
CREATE INDEX gates_system_stage ON gates_system (stage, name, system);;
CREATE INDEX gates_system_due ON gates_system (due, system);;
-- Who is waited for, by role: the queues of reviewers.
CREATE TABLE gates_waiting (
  role TEXT NOT NULL,
  system TEXT NOT NULL,
  due TEXT,
  PRIMARY KEY (role, system)
);;
-- Words of each system, whole and as overlapping pairs of Chinese characters: the same search on both databases.
CREATE TABLE gates_word (
  word TEXT NOT NULL,
  system TEXT NOT NULL,
  PRIMARY KEY (word, system)
);;
