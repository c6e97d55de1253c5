// Pages of docs/ whose tables come from the program: a test compares them, and writes them if SLICEMILL_REWRITE_DOCS=1
// is in the environment.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace slicemill {

inline std::string page_path(std::string_view page) {
  return std::string(SLICEMILL_SOURCE_DIR "/docs/").append(page);
}

inline std::string page_text(std::string_view page) {
  std::ifstream file(page_path(page));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline bool pages_are_rewritten() {
  return std::getenv("SLICEMILL_REWRITE_DOCS") != nullptr;
}

// The whole page is `rendered`.
inline void expect_page(std::string_view page, const std::string& rendered) {
  if (pages_are_rewritten()) std::ofstream(page_path(page)) << rendered;
  EXPECT_EQ(page_text(page), rendered) << "write docs/" << page << " with SLICEMILL_REWRITE_DOCS=1";
}

// What stands between the lines <!-- name: begin --> and <!-- name: end --> is `rendered`.
inline void expect_page_part(std::string_view page, std::string_view name, const std::string& rendered) {
  std::string text = page_text(page);
  const std::string begin_mark = "<!-- " + std::string(name) + ": begin -->\n";
  const std::string end_mark = "<!-- " + std::string(name) + ": end -->";
  const auto begin = text.find(begin_mark);
  const auto end = text.find(end_mark);
  ASSERT_NE(begin, std::string::npos) << page << ": " << begin_mark;
  ASSERT_NE(end, std::string::npos) << page << ": " << end_mark;
  const auto start = begin + begin_mark.size();
  if (pages_are_rewritten()) {
    text.replace(start, end - start, rendered);
    std::ofstream(page_path(page)) << text;
    return;
  }
  EXPECT_EQ(text.substr(start, end - start), rendered) << "write docs/" << page << " with SLICEMILL_REWRITE_DOCS=1";
}

}  // namespace slicemill
