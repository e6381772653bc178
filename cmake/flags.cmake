# SPDX-License-Identifier: PostgreSQL
# Warnings and hardening, as one interface library that every target links.
include(CheckCCompilerFlag)
if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# CHECK() is part of the program: never -DNDEBUG, one -O2 for all.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")

# Small files must not cost instructions: the program is optimised as a whole at its link. The objects
# hold ordinary code as well, for the tests, which link faster without.
set(TEAL_WHOLE_PROGRAM OFF)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT TEAL_SANITIZE)
    set(TEAL_WHOLE_PROGRAM ON)
endif()

add_library(teal_flags INTERFACE)
if(TEAL_WHOLE_PROGRAM)
    target_compile_options(teal_flags INTERFACE -flto=auto -ffat-lto-objects)
endif()
target_compile_definitions(teal_flags INTERFACE _GNU_SOURCE TEAL_VERSION="${PROJECT_VERSION}")
target_compile_options(teal_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes
    -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-align -Wcast-qual
    -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wswitch-enum -Wimplicit-fallthrough
    -Wnull-dereference -Wdouble-promotion -fno-strict-aliasing)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(teal_flags INTERFACE
        -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init)
else()
    target_compile_options(teal_flags INTERFACE -Wmissing-variable-declarations)
endif()
if(TEAL_WERROR)
    target_compile_options(teal_flags INTERFACE -Werror)
endif()
if(TEAL_SANITIZE)
    target_compile_options(teal_flags INTERFACE -fsanitize=${TEAL_SANITIZE} -fno-omit-frame-pointer)
    target_link_options(teal_flags INTERFACE -fsanitize=${TEAL_SANITIZE})
else()
    target_compile_options(teal_flags INTERFACE
        $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2> -fstack-protector-strong)
    target_link_options(teal_flags INTERFACE -Wl,-z,relro,-z,now)
endif()
target_link_options(teal_flags INTERFACE -pie)
target_link_libraries(teal_flags INTERFACE Threads::Threads)
