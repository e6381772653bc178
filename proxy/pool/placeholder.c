typedef int placeholder_pool;
