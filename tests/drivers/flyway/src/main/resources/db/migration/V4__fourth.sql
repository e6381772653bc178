CREATE TABLE in_the_way (id int);
