-- All of an examination, so that those of many devices are read where they stand side by side.
DROP INDEX exam_of;
CREATE INDEX exam_of ON exam (speaker, begin, end, said, method, open, orphan, counts);
