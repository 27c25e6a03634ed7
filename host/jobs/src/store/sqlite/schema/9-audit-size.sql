-- About how many bytes the audit takes: a line, a part of it that pages leave free, its row and its places in three indexes.
-- It is kept, because counting them would take a look at all lines.
CREATE TABLE audit_size (bytes INTEGER NOT NULL) STRICT;
INSERT INTO audit_size SELECT coalesce(sum(length(CAST(entry AS BLOB)) * 9 / 8 + 200), 0) FROM audit;
CREATE TRIGGER audit_grows AFTER INSERT ON audit
BEGIN
    UPDATE audit_size SET bytes = bytes + length(CAST(new.entry AS BLOB)) * 9 / 8 + 200;
END;
CREATE TRIGGER audit_shrinks AFTER DELETE ON audit
BEGIN
    UPDATE audit_size SET bytes = bytes - length(CAST(old.entry AS BLOB)) * 9 / 8 - 200;
END;
