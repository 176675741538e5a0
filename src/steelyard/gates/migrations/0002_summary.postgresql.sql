-- The read model behind lists: one row for each system on record, kept in the transaction of each change, rebuildable.
-- The same as 0002_summary.sqlite.sql, with texts in the order of their bytes, as SQLite has them.
CREATE TABLE gates_system (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  system TEXT COLLATE "C" NOT NULL UNIQUE,
  name TEXT COLLATE "C" NOT NULL,
  unit TEXT COLLATE "C" NOT NULL,
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
  changed BIGINT NOT NULL,
  -- The policy it was judged by, and the first day on which it would read otherwise although nobody does anything.
  policy TEXT NOT NULL,
  turns TEXT
);;
CREATE INDEX gates_system_name ON gates_system (name, system);;
CREATE INDEX gates_system_unit ON gates_system (unit, name, system);;
CREATE INDEX gates_system_owner ON gates_system (owner, name, system);;
CREATE INDEX gates_system_tier ON gates_system (tier_highest, name, system);;
CREATE INDEX gates_system_stage ON gates_system (stage, name, system);;
CREATE INDEX gates_system_stage_tier ON gates_system (stage, tier_highest, name, system);;
CREATE INDEX gates_system_due ON gates_system (due, system);;
CREATE INDEX gates_system_policy ON gates_system (policy);;
CREATE INDEX gates_system_turns ON gates_system (turns);;
-- Who is waited for, by role: the queues of reviewers. What has no day stands at the end of time.
CREATE TABLE gates_waiting (
  role TEXT NOT NULL,
  due TEXT COLLATE "C" NOT NULL,
  system TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (role, due, system)
);;
CREATE INDEX gates_waiting_system ON gates_waiting (system);;
-- Words of each system, whole and as overlapping pairs of Chinese characters: the same search on both databases.
CREATE TABLE gates_word (
  word TEXT COLLATE "C" NOT NULL,
  id BIGINT NOT NULL,
  PRIMARY KEY (word, id)
);;
CREATE INDEX gates_word_id ON gates_word (id, word);;
