#include "core/runtime/json_builder.h"

#include <fmt/core.h>

#include <algorithm>

namespace slicemill {
namespace {

constexpr std::size_t kMaxDepth = 200;
constexpr std::size_t kFewMembers = 16;  // are searched one by one
constexpr std::size_t kSpareMembers = 16;

// Bytes on the heap, about.
constexpr std::size_t kValueBytes = 16;
constexpr std::size_t kHolderBytes = 48;
constexpr std::size_t kTextBytes = 48;
constexpr std::size_t kShortText = 15;  // lies inside of the text object

std::size_t text_size(const std::string& text) {
  return kTextBytes + (text.size() > kShortText ? text.size() : 0);
}

std::size_t size_of(const Json& scalar) {
  return kValueBytes + (scalar.is_string() ? text_size(scalar.get_ref<const std::string&>()) : 0);
}

}  // namespace

bool JsonBuilder::complain(std::string text) {
  complaint_ = std::move(text);
  return false;
}

bool JsonBuilder::use(std::size_t bytes) {
  used_ += bytes;
  if (used_ <= memory_) return true;
  return complain(fmt::format("the document takes more than {} MB once its values are read", memory_ >> 20));
}

std::string JsonBuilder::path() const {
  std::string path;
  for (const Frame& frame : frames_) {
    if (!frame.is_object) {
      path += fmt::format("[{}]", frame.items.size());
    } else if (frame.has_key) {
      if (!path.empty()) path += '.';
      path += frame.merges ? "<<" : frame.members.back().first;
    }
  }
  return path;
}

bool JsonBuilder::begin(bool is_object) {
  if (frames_.size() >= kMaxDepth) return complain(fmt::format("nested deeper than {} levels", kMaxDepth));
  Frame& frame = frames_.emplace_back();
  frame.is_object = is_object;
  frame.used_before = used_;
  frame.anchor = std::exchange(anchor_, {});
  return use(kValueBytes + kHolderBytes);
}

bool JsonBuilder::has_member(const Frame& frame, const std::string& name) {
  if (!frame.names.empty()) return frame.names.contains(name);
  return std::ranges::find(frame.members, name, &Member::first) != frame.members.end();
}

void JsonBuilder::add_member(Frame& frame, std::string name, Json value) {
  if (frame.members.size() == kFewMembers)
    for (const Member& member : frame.members) frame.names.insert(member.first);
  if (frame.members.size() >= kFewMembers) frame.names.insert(name);
  frame.members.emplace_back(std::move(name), std::move(value));
}

bool JsonBuilder::key(std::string name) {
  Frame& frame = frames_.back();
  if (has_member(frame, name)) {
    const std::string holder = path();
    return complain(fmt::format("key \"{}\" is given twice{}", name, holder.empty() ? "" : " in " + holder));
  }
  if (!use(text_size(name) + (frame.members.size() < kFewMembers ? 0 : 2 * text_size(name)))) return false;
  add_member(frame, std::move(name), Json());
  frame.has_key = true;
  return true;
}

bool JsonBuilder::merge_key() {
  Frame& frame = frames_.back();
  if (frame.merged) return complain("the merge key << is given twice; give it a list: <<: [*a, *b]");
  frame.merged = frame.merges = frame.has_key = true;
  return true;
}

bool JsonBuilder::value(Json scalar) {
  const std::size_t size = size_of(scalar);
  return use(size) && complete(std::move(scalar), 0, size, std::exchange(anchor_, {}));
}

bool JsonBuilder::end() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  Json whole;
  if (frame.is_object) {
    add_merged(frame);
    whole = Json::object();
    auto& object = whole.get_ref<Json::object_t&>();
    // An object that grows copies its members, so there is room for those that the server adds to the outermost one.
    object.reserve(frame.members.size() + (frames_.empty() ? kSpareMembers : 0));
    for (auto& [name, value] : frame.members) object.emplace_back(std::move(name), std::move(value));
  } else {
    frame.items.shrink_to_fit();
    whole = Json(Json::array_t(std::move(frame.items)));
  }
  return complete(std::move(whole), frame.height + 1, used_ - frame.used_before, std::move(frame.anchor));
}

bool JsonBuilder::complete(Json value, int height, std::size_t size, std::string anchor) {
  if (!anchor.empty()) {
    if (!use(size)) return false;
    kept_[std::move(anchor)] = {value, height, size};
  }
  if (frames_.empty()) {
    root_ = std::move(value);
    return true;
  }
  Frame& frame = frames_.back();
  frame.height = std::max(frame.height, height);
  if (!frame.is_object) {
    frame.items.push_back(std::move(value));
    return true;
  }
  frame.has_key = false;
  if (std::exchange(frame.merges, false)) return merge(std::move(value));
  frame.members.back().second = std::move(value);
  return true;
}

bool JsonBuilder::merge(Json value) {
  auto& maps = frames_.back().merged_maps;
  if (value.is_object()) {
    maps.push_back(std::move(value));
    return true;
  }
  const bool are_maps =
      value.is_array() && std::ranges::all_of(value, [](const Json& item) { return item.is_object(); });
  if (!are_maps) return complain("the merge key << needs a map or a list of maps");
  for (Json& item : value) maps.push_back(std::move(item));
  return true;
}

// What the object says itself counts, then the maps in their order.
void JsonBuilder::add_merged(Frame& frame) {
  for (Json& map : frame.merged_maps)
    for (auto& [name, value] : map.get_ref<Json::object_t&>())
      if (!has_member(frame, name)) add_member(frame, name, std::move(value));
}

bool JsonBuilder::alias(const std::string& name) {
  const auto found = kept_.find(name);
  if (found == kept_.end()) return complain(fmt::format("alias *{} stands before the end of its anchor", name));
  const Kept& kept = found->second;
  if (frames_.size() + static_cast<std::size_t>(kept.height) > kMaxDepth)
    return complain(fmt::format("nested deeper than {} levels", kMaxDepth));
  return use(kept.size) && complete(kept.value, kept.height, kept.size, {});
}

std::optional<std::string> JsonBuilder::scalar_text(const std::string& name) const {
  const auto found = kept_.find(name);
  if (found == kept_.end() || found->second.value.is_structured() || found->second.value.is_null()) return std::nullopt;
  const Json& value = found->second.value;
  return value.is_string() ? value.get<std::string>() : to_compact_text(value);
}

}  // namespace slicemill
