typedef int placeholder_admin;
