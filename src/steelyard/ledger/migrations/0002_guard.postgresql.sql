-- These stop accidents; whoever owns the database can drop them, and is then shown up by the proofs.
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'what the ledger wrote never changes and never goes'; END $$;;
CREATE FUNCTION ledger_grow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes THEN
    RAISE EXCEPTION 'a tile of the ledger only grows';
  END IF;
  RETURN NEW;
END $$;;
CREATE TRIGGER ledger_entry_kept BEFORE UPDATE OR DELETE ON ledger_entry
FOR EACH ROW EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_checkpoint_kept BEFORE UPDATE OR DELETE ON ledger_checkpoint
FOR EACH ROW EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_entry_whole BEFORE TRUNCATE ON ledger_entry
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_tile_whole BEFORE TRUNCATE ON ledger_tile
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_checkpoint_whole BEFORE TRUNCATE ON ledger_checkpoint
FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_tile_stays BEFORE DELETE ON ledger_tile
FOR EACH ROW EXECUTE FUNCTION ledger_refuse();;
CREATE TRIGGER ledger_tile_grows BEFORE UPDATE ON ledger_tile
FOR EACH ROW EXECUTE FUNCTION ledger_grow();;
