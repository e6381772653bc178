ALTER TABLE mig_first ADD v text;
