#include "operations/json_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/json_scan.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

constexpr std::size_t kHeadBytes = 120;

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

Result<void> check_field_option(const Json& options, const char* name) {
  const auto found = options.find(name);
  if (found == options.end() || !found->is_string()) return {};
  if (auto path = FieldPath::parse(found->get_ref<const std::string&>()); !path)
    return with_context(path.error(), name);
  return {};
}

OperationRemark absent_field(const OperationContext& context, const FieldPath& path) {
  return context.remark(fmt::format("\"{}\" was in no record", path.text()));
}

std::string record_head(std::string_view record) {
  std::string head;
  for (const char c : record.substr(0, kHeadBytes)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      head += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      head += c;
    }
  }
  if (record.size() > kHeadBytes) head += fmt::format("... ({} bytes)", record.size());
  return head;
}

namespace {

// Members or items that go, with their commas: one that is not the last one takes all up to the next one along, the
// last one all from the last that stays.
class Removal {
 public:
  explicit Removal(std::string_view container) : stays_until_(container.data() + 1) {}

  // In order; begin: of the member's name or the item.
  void pass(const char* begin, std::string_view value, bool is_removed, std::vector<std::string_view>& removed) {
    if (is_going_) removed.push_back(between(begin_, begin));
    begin_ = begin;
    end_ = value.data() + value.size();
    is_going_ = is_removed;
    if (!is_removed) stays_until_ = end_;
  }
  void finish(std::vector<std::string_view>& removed) {
    if (is_going_) removed.push_back(between(stays_until_, end_));
  }

 private:
  const char* stays_until_;  // behind the last one that stays
  const char* begin_ = nullptr;
  const char* end_ = nullptr;
  bool is_going_ = false;  // the last one that was passed
};

}  // namespace

JsonValue RecordEditor::value_of(std::string_view record) {
  tokens_.clear();
  indexer_.index(std::span(&record, 1), tokens_);
  return tokens_.value(tokens_.texts().front());
}

std::string_view RecordEditor::apply(RecordBatch& batch, std::string_view record) {
  if (edits_.empty()) return record;
  std::sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) { return a.begin < b.begin; });
  std::size_t size = record.size();
  for (const Edit& edit : edits_) size += edit.text.size();
  char* start = batch.allocate(size);
  char* out = start;
  const char* at = record.data();
  const auto copy = [&](std::string_view bytes) {
    std::memcpy(out, bytes.data(), bytes.size());
    out += bytes.size();
  };
  for (const Edit& edit : edits_) {
    if (edit.begin > at) copy(between(at, edit.begin));
    copy(edit.text);
    at = std::max(at, edit.end);
  }
  copy(between(at, record.data() + record.size()));
  edits_.clear();
  const auto used = static_cast<std::size_t>(out - start);
  batch.shrink_last(start, used);
  return {start, used};
}

std::optional<std::string_view> RecordEditor::get(RecordBatch& batch, const JsonValue& record, const FieldPath& path) {
  find_fields(record, path, found_);
  if (found_.values.empty()) return std::nullopt;
  if (!found_.is_list) return found_.values.front().bytes();
  std::size_t size = 2;
  for (const JsonValue& value : found_.values) size += value.bytes().size() + 1;
  char* start = batch.allocate(size);
  char* out = start;
  for (const JsonValue& value : found_.values) {
    const bool is_first = out == start;
    *out++ = is_first ? '[' : ',';
    const std::string_view bytes = value.bytes();
    std::memcpy(out, bytes.data(), bytes.size());
    out += bytes.size();
  }
  *out++ = ']';
  const auto used = static_cast<std::size_t>(out - start);
  batch.shrink_last(start, used);
  return std::string_view(start, used);
}

Error RecordEditor::blocked(std::size_t from, std::string_view why) const {
  std::vector<std::string> way;
  for (std::size_t i = 0; i < from; ++i) way.push_back(path_->segments()[i].name.text());
  return {ErrorCode::invalid,
          fmt::format("cannot set \"{}\": \"{}\" {}, in {}", path_->text(), join(way, "."), why, record_head(record_)),
          false};
}

Result<std::string_view> RecordEditor::set(RecordBatch& batch, std::string_view record, const JsonValue& object,
                                           const FieldPath& path, std::string_view json, bool overwrite) {
  path_ = &path;
  json_ = json;
  overwrite_ = overwrite;
  record_ = record;
  edits_.clear();
  RETURN_IF_ERROR(set_in_object(object, 0));
  return apply(batch, record);
}

Result<void> RecordEditor::set_in(const JsonValue& value, std::size_t from) {
  if (value.is_object()) return set_in_object(value, from);
  if (value.is_array()) return set_in_array(value, from);
  return blocked(from, "is not an object");
}

Result<void> RecordEditor::set_in_object(const JsonValue& object, std::size_t from) {
  const auto& segment = path_->segments()[from];
  const auto literal = find_member(object, segment.rest);
  if (literal) {
    if (overwrite_) set_member(object, segment.rest);
    return {};
  }
  const auto member = from + 1 < path_->segments().size() ? find_member(object, segment.name) : std::nullopt;
  if (member) return set_in(*member, from + 1);
  make_member(object, from);
  return {};
}

Result<void> RecordEditor::set_in_array(const JsonValue& array, std::size_t from) {
  const bool is_last = from + 1 == path_->segments().size();
  if (const auto number = path_->segments()[from].item) {
    const auto item = find_item(array, *number);
    if (!item) return blocked(from, fmt::format("has no item {}", *number));
    if (!is_last) return set_in(*item, from + 1);
    if (overwrite_) replace(item->bytes(), std::string(json_));
    return {};
  }
  Result<void> done;
  array.visit_items([&](const JsonValue& item) {
    if (done) done = item.is_container() ? set_in(item, from) : blocked(from, "has items that are not objects");
  });
  return done;
}

// Of members of one name the last one gets the value, the others go.
void RecordEditor::set_member(const JsonValue& object, const JsonKey& name) {
  std::size_t left = 0;
  object.visit_members([&](const JsonName& member, const JsonValue&) { left += member.is(name) ? 1 : 0; });
  Removal removal(object.bytes());
  object.visit_members([&](const JsonName& member, const JsonValue& value) {
    const std::string_view bytes = value.bytes();
    const bool is_wanted = member.is(name);
    const bool is_last = is_wanted && --left == 0;
    if (is_last) replace(bytes, std::string(json_));
    removal.pass(member.quote(), bytes, is_wanted && !is_last, removed_);
  });
  removal.finish(removed_);
  take_removed();
}

// Behind the last member.
void RecordEditor::make_member(const JsonValue& object, std::size_t from) {
  const char* behind = object.bytes().data() + 1;
  bool is_empty = true;
  object.visit_members([&](const JsonName&, const JsonValue& value) {
    const std::string_view bytes = value.bytes();
    behind = bytes.data() + bytes.size();
    is_empty = false;
  });
  const auto& segments = path_->segments();
  std::string text(is_empty ? "" : ",");
  for (std::size_t i = from; i < segments.size(); ++i)
    text.append(i > from ? "{" : "").append(json_quoted(segments[i].name.text())).append(":");
  text.append(json_).append(segments.size() - from - 1, '}');
  replace(between(behind, behind), std::move(text));
}

std::string_view RecordEditor::drop(RecordBatch& batch, std::string_view record, const JsonValue& object,
                                    const FieldPath& path) {
  path_ = &path;
  edits_.clear();
  drop_in(object, 0);
  return apply(batch, record);
}

void RecordEditor::take_removed() {
  for (const std::string_view bytes : removed_) replace(bytes, "");
  removed_.clear();
}

// Of members of one name all are looked into, whichever of them a reader takes. True if the field was there.
bool RecordEditor::drop_in(const JsonValue& value, std::size_t from) {
  const auto& segment = path_->segments()[from];
  const bool is_last = from + 1 == path_->segments().size();
  if (value.is_object()) {
    if (drop_members(value, segment.rest)) return true;
    if (is_last) return false;
    bool any = false;
    value.visit_members([&](const JsonName& name, const JsonValue& member) {
      if (name.is(segment.name) && drop_in(member, from + 1)) any = true;
    });
    return any;
  }
  if (!value.is_array()) return false;
  if (!segment.item) {
    bool any = false;
    value.visit_items([&](const JsonValue& item) { any = drop_in(item, from) || any; });
    return any;
  }
  const auto item = find_item(value, *segment.item);
  if (!item) return false;
  if (!is_last) return drop_in(*item, from + 1);
  drop_item(value, *segment.item);
  return true;
}

bool RecordEditor::drop_members(const JsonValue& object, const JsonKey& name) {
  Removal removal(object.bytes());
  bool any = false;
  object.visit_members([&](const JsonName& member, const JsonValue& value) {
    const bool is_wanted = member.is(name);
    any = any || is_wanted;
    removal.pass(member.quote(), value.bytes(), is_wanted, removed_);
  });
  removal.finish(removed_);
  take_removed();
  return any;
}

void RecordEditor::drop_item(const JsonValue& array, std::uint64_t number) {
  Removal removal(array.bytes());
  array.visit_items([&](const JsonValue& item) {
    const std::string_view bytes = item.bytes();
    removal.pass(bytes.data(), bytes, number-- == 0, removed_);
  });
  removal.finish(removed_);
  take_removed();
}

}  // namespace slicemill
