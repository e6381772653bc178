typedef int placeholder_app;
