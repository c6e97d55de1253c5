// Builds a Json value from what a parser meets, JSON's or YAML's alike: one place for the rules that both formats
// share.
//
// A key is given once in an object. Depth and memory are bounded while the value grows, so a short text cannot become a
// large value. Any thread; one value per builder.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/runtime/json.h"

namespace slicemill {

class JsonBuilder {
 public:
  // memory: bytes that the value may take, as an estimate.
  explicit JsonBuilder(std::size_t memory) : memory_(memory) {}

  // Each of these answers whether the value may go on. If not, complaint() says why, without a place in the text.
  bool begin_object() { return begin(true); }
  bool begin_array() { return begin(false); }
  // Requires: an object is open and waits for a key.
  bool key(std::string name);
  // The next value of the open object belongs to its merge key (YAML): a map or a list of maps, whose members count
  // where the object has none of that name. `name` as it was written.
  bool merge_key();
  bool value(Json scalar);
  bool end();

  // Anchors (YAML): the value that comes next is kept under this name when it is complete.
  void anchor(std::string name) { anchor_ = std::move(name); }
  // A copy of what was kept.
  bool alias(const std::string& name);
  // The text of a kept scalar, for an alias in the place of a key.
  std::optional<std::string> scalar_text(const std::string& name) const;

  bool wants_key() const { return !frames_.empty() && frames_.back().is_object && !frames_.back().has_key; }
  const std::string& complaint() const { return complaint_; }
  // "operations[0].end": where the value that comes next is, or the open one; "" at the top.
  std::string path() const;
  Json take() { return std::move(root_); }

 private:
  using Member = std::pair<std::string, Json>;

  struct Frame {
    bool is_object = false;
    bool has_key = false;  // and waits for the value
    bool merges = false;   // that value is the merge key's
    bool merged = false;   // it had a merge key
    int height = 0;        // of the values in it
    std::size_t used_before = 0;
    std::string anchor;
    std::vector<Member> members;
    std::vector<Json> items;
    std::unordered_set<std::string> names;  // of the members, once there are many
    std::vector<Json> merged_maps;
  };

  struct Kept {
    Json value;
    int height = 0;
    std::size_t size = 0;  // bytes, as counted
  };

  bool begin(bool is_object);
  bool complete(Json value, int height, std::size_t size, std::string anchor);
  bool merge(Json value);
  void add_merged(Frame& frame);
  bool use(std::size_t bytes);
  bool complain(std::string text);
  static bool has_member(const Frame& frame, const std::string& name);
  static void add_member(Frame& frame, std::string name, Json value);

  const std::size_t memory_;
  std::size_t used_ = 0;
  std::vector<Frame> frames_;
  std::string anchor_;
  std::unordered_map<std::string, Kept> kept_;
  Json root_;
  std::string complaint_;
};

}  // namespace slicemill
