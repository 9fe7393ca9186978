-- What is in the bucket stays; entries that were not archived yet are lost.
DROP TABLE audit_log;
DROP TABLE audit_anchors;
