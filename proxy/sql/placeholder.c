typedef int placeholder_sql;
