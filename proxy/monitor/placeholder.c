typedef int placeholder_monitor;
