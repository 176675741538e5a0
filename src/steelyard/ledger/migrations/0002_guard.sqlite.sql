-- These stop accidents; whoever owns the file can drop them, and is then shown up by the proofs.
CREATE TRIGGER ledger_entry_kept BEFORE UPDATE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a leaf of the ledger never changes'); END;;
CREATE TRIGGER ledger_entry_stays BEFORE DELETE ON ledger_entry
BEGIN SELECT RAISE(ABORT, 'a leaf of the ledger never goes'); END;;
CREATE TRIGGER ledger_tile_grows BEFORE UPDATE ON ledger_tile
WHEN substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes
BEGIN SELECT RAISE(ABORT, 'a tile of the ledger only grows'); END;;
CREATE TRIGGER ledger_tile_stays BEFORE DELETE ON ledger_tile
BEGIN SELECT RAISE(ABORT, 'a tile of the ledger never goes'); END;;
CREATE TRIGGER ledger_checkpoint_kept BEFORE UPDATE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'a checkpoint never changes'); END;;
CREATE TRIGGER ledger_checkpoint_stays BEFORE DELETE ON ledger_checkpoint
BEGIN SELECT RAISE(ABORT, 'a checkpoint never goes'); END;;
