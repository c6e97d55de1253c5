// Changes of JSON text on its way, without a value in memory: members of the outermost object laid over or left out,
// lines and indents. One pass; what comes out of a piece is written at once.
//
// The text must be valid JSON of one object, as it was written by to_compact_text: nothing is judged here. Any thread,
// one document per object.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slicemill {

// Names and values as JSON text; the names need no escapes.
using JsonMembers = std::vector<std::pair<std::string, std::string>>;

struct JsonTextForm {
  int indent = 0;  // spaces per level; 0: one line without blanks
  int depth = 0;   // how deep the object stands in what it is written into
  // Take the place of members of the same name; the others are added at the end, in this order.
  JsonMembers laid_over{};
  // Only these members are written; nothing: all.
  std::optional<std::vector<std::string>> only{};
  std::vector<std::string> left_out{};  // of these names none is written
};

class JsonText {
 public:
  explicit JsonText(JsonTextForm form);

  // The next piece of the text.
  void write(std::string_view piece, std::string& out);
  bool is_whole() const { return depth_ == 0 && began_; }

 private:
  void take_structure(char c, std::string& out);
  void end_of_key(std::string& out);
  void begin_member(std::string_view raw_key, std::string& out);
  void write_laid_over(std::size_t which, std::string& out);
  void add_laid_over(std::string& out);
  void begin_value(std::string& out);
  void new_line(int depth, std::string& out) const;
  bool is_wanted(std::string_view name) const;

  const JsonTextForm form_;
  std::vector<bool> written_;  // of laid_over
  int depth_ = 0;
  bool began_ = false;
  bool is_list_ = false;  // the outermost value, of what is laid over
  bool is_open_ = false;  // a bracket was written and nothing after it
  bool in_text_ = false;
  bool is_escaped_ = false;
  bool wants_key_ = false;    // of the outermost object
  bool in_key_ = false;       // such a key is being collected
  bool has_members_ = false;  // of the outermost object, written
  bool skips_ = false;        // the value of a member that is not written
  std::string key_;
};

// The whole text at once.
std::string json_text(std::string_view text, JsonTextForm form);

}  // namespace slicemill
