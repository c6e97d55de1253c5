// A filter of a list as a tree, whatever syntax it came from: groups of tests, with the names of fields and values as
// texts. Knows no fields and no types. Pure, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/runtime/result.h"

namespace slicemill::query {

struct FilterNode {
  enum class Kind : std::uint8_t {
    group,
    term,      // text
    phrase,    // text
    wildcard,  // text: * stands for any characters, ? for one, a backslash takes the meaning from what follows
    regex,     // text
    range,     // low, high
    exists,    // field
    everything,
  };
  enum class Occur : std::uint8_t { should, must, must_not };

  Kind kind = Kind::group;
  Occur occur = Occur::should;  // in the group that it stands in
  std::size_t at = 0;           // byte in the text, for messages
  std::string field;            // "": none was named
  std::string text;
  std::optional<std::string> low, high;  // none: open
  bool low_included = true;
  bool high_included = true;
  std::vector<FilterNode> clauses;
};

struct FilterTree {
  std::string text;  // as it was written
  FilterNode root;   // a group
};

// "bad filter at character 7: expected a value". at: byte of text.
Error filter_error(std::string_view text, std::size_t at, std::string_view what);

}  // namespace slicemill::query
