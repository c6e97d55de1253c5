// Regular expressions of one evaluation: each is compiled once. Their time grows with the text only.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/expression/budget.h"
#include "core/runtime/result.h"

namespace re2 {
class RE2;
}

namespace slicemill::expression {

class Patterns {
 public:
  explicit Patterns(Budget& budget);
  ~Patterns();
  Patterns(const Patterns&) = delete;
  Patterns& operator=(const Patterns&) = delete;

  // Whether a part of the text matches. invalid: the pattern is no regular expression, or too large.
  Result<bool> matches(std::string_view text, const std::string& pattern);

 private:
  Budget& budget_;
  std::map<std::string, std::unique_ptr<re2::RE2>> compiled_;
};

}  // namespace slicemill::expression
