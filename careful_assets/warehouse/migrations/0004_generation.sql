-- Which version of a generator was asked, what its server said it used, and whether an answer had to be mended.
alter table generation.requests add column generator_revision varchar;
alter table generation.requests add column answered_by varchar;
alter table generation.requests add column fingerprint varchar;
alter table generation.requests add column repaired boolean;
