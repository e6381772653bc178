typedef int placeholder_auth;
