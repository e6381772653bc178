typedef int placeholder_route;
