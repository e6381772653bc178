typedef int placeholder_conf;
