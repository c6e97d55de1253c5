# Shared settings of every target, and the one way to declare a library of this project.
option(SLICEMILL_TESTS "build the tests" ON)
option(SLICEMILL_BENCH "build the benchmarks" ON)
option(SLICEMILL_FUZZ "build the fuzz targets (clang)" OFF)
option(SLICEMILL_UNITY "compile the libraries' files in groups: a whole build takes a third of the time, a changed file longer; names in anonymous namespaces must differ within a library" OFF)
set(SLICEMILL_SANITIZE "" CACHE STRING "sanitizers for every target: address;undefined or thread")

find_program(SLICEMILL_CCACHE ccache)
if(SLICEMILL_CCACHE)
  # Relative paths in the cache's keys: a second checkout finds what the first one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_BASEDIR=${CMAKE_SOURCE_DIR};CCACHE_NOHASHDIR=1;CCACHE_SLOPPINESS=pch_defines,time_macros;${SLICEMILL_CCACHE}")
endif()
find_program(SLICEMILL_MOLD mold)

add_library(slicemill_settings INTERFACE)
target_include_directories(slicemill_settings INTERFACE "${CMAKE_BINARY_DIR}/generated")
target_compile_options(slicemill_settings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                    -Woverloaded-virtual -Werror
                                                    # designated initialisers leave members to their defaults on purpose
                                                    -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports text concatenation in its own library with -O2
  target_compile_options(slicemill_settings INTERFACE -Wno-restrict)
endif()
if(SLICEMILL_FUZZ)
  target_compile_options(slicemill_settings INTERFACE -fsanitize=fuzzer-no-link)
  # clang names some of fmt's templates otherwise than g++, which built the library.
  target_compile_definitions(slicemill_settings INTERFACE FMT_HEADER_ONLY)
endif()
if(SLICEMILL_MOLD)
  target_link_options(slicemill_settings INTERFACE -fuse-ld=mold)
endif()
if(SLICEMILL_SANITIZE)
  string(REPLACE ";" "," slicemill_sanitizers "${SLICEMILL_SANITIZE}")
  target_compile_options(slicemill_settings INTERFACE -fsanitize=${slicemill_sanitizers} -fno-omit-frame-pointer)
  target_link_options(slicemill_settings INTERFACE -fsanitize=${slicemill_sanitizers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(slicemill_settings INTERFACE -Wno-maybe-uninitialized) # its checks confuse the warning
  endif()
  if(SLICEMILL_SANITIZE STREQUAL "thread")
    target_compile_options(slicemill_settings INTERFACE -Wno-tsan) # Boost.Asio fences beside its mutexes; TSan sees the mutexes
  endif()
endif()

# Layers: headers are included by their path from the root, and a target finds those of the libraries that it links, and
# no others. Each library has a directory of its own to be searched, with links to what it shows: a file or a folder of
# the source tree.
function(slicemill_show_headers target visibility)
  set(tree "${CMAKE_BINARY_DIR}/headers/${target}")
  foreach(shown ${ARGN})
    file(RELATIVE_PATH path "${CMAKE_SOURCE_DIR}" "${shown}")
    get_filename_component(parent "${tree}/${path}" DIRECTORY)
    file(MAKE_DIRECTORY "${parent}")
    file(CREATE_LINK "${shown}" "${tree}/${path}" SYMBOLIC)
  endforeach()
  target_include_directories(${target} ${visibility} "${tree}")
endfunction()

# slicemill_library(NAME files... [LINK targets...]): a static library named slicemill_NAME, whose headers are those of
# its folder.
function(slicemill_library name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  add_library(slicemill_${name} STATIC ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(slicemill_${name} PUBLIC slicemill_settings ${arg_LINK})
  slicemill_show_headers(slicemill_${name} PUBLIC "${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(slicemill_${name} PROPERTIES UNITY_BUILD ${SLICEMILL_UNITY} UNITY_BUILD_BATCH_SIZE 20)
endfunction()

# Not part of the default build, which makes what users run.
add_custom_target(slicemill_tests COMMENT "every test program")
add_custom_target(slicemill_bench COMMENT "every benchmark")

# Tests spend their time in what they test and in waiting, and the compiler spends most of its own on their headers: those
# are compiled once, and nothing of the tests themselves is optimised.
function(slicemill_test_headers)
  file(WRITE "${CMAKE_BINARY_DIR}/generated/test_headers.cc" "")
  add_library(slicemill_test_headers OBJECT EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/generated/test_headers.cc")
  target_link_libraries(slicemill_test_headers PRIVATE slicemill_settings nlohmann_json::nlohmann_json fmt::fmt GTest::gmock_main)
  target_compile_options(slicemill_test_headers PRIVATE "$<$<CONFIG:Release>:-O0;-g0>")
  target_precompile_headers(slicemill_test_headers PRIVATE <gmock/gmock.h> <gtest/gtest.h> <nlohmann/json.hpp> <fmt/format.h>
                            <algorithm> <filesystem> <fstream> <functional> <map> <memory> <optional> <set> <string> <vector>)
endfunction()

# slicemill_test(NAME files... LINK targets... [LABELS labels...]): a GoogleTest program, registered with ctest as one test.
# Its files are compiled in groups like those of libraries, so names of one program's files must differ.
function(slicemill_test name)
  cmake_parse_arguments(arg "" "" "LINK;LABELS" ${ARGN})
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE slicemill_settings ${arg_LINK} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE SLICEMILL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_compile_options(${name} PRIVATE "$<$<CONFIG:Release>:-O0;-g0>")
  target_precompile_headers(${name} REUSE_FROM slicemill_test_headers)
  set_target_properties(${name} PROPERTIES UNITY_BUILD ${SLICEMILL_UNITY} UNITY_BUILD_BATCH_SIZE 12)
  add_dependencies(slicemill_tests ${name})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT 120)
  if(SLICEMILL_SANITIZE STREQUAL "thread")
    set_tests_properties(${name} PROPERTIES ENVIRONMENT "TSAN_OPTIONS=suppressions=${CMAKE_SOURCE_DIR}/cmake/tsan.supp")
  endif()
endfunction()
