typedef int placeholder_cutover;
