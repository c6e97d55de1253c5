#include "core/formats/record_projection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include "core/formats/json_scan.h"

namespace slicemill {

std::vector<ChosenField> chosen_fields(const std::vector<std::string>& paths) {
  std::vector<ChosenField> fields;
  for (const std::string& text : paths) {
    auto path = FieldPath::parse(text);
    fields.push_back({text, path ? std::move(*path) : FieldPath::of_name(text)});
  }
  return fields;
}

Result<void> check_chosen_fields(const std::vector<std::string>& paths) {
  std::set<std::string> names;
  for (const std::string& text : paths) {
    ASSIGN_OR_RETURN(const FieldPath path, FieldPath::parse(text));
    if (!names.insert(path.whole_name()).second)
      return Error(ErrorCode::invalid, fmt::format("\"{}\" is named twice", text), false);
  }
  return {};
}

RecordProjection::RecordProjection(Form form, std::vector<ChosenField> fields)
    : form_(form), fields_(std::move(fields)), missing_(fields_.size()) {
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    const FieldPath& path = fields_[field].source;
    const auto& segments = path.segments();
    first_slots_.push_back(slots_.size());
    // The ways in which a record may have the field, the one that counts first.
    for (std::size_t from = 0; from < segments.size(); ++from) slots_.push_back({{}, field});
    if (form_ == Form::flat) add_emitted({fields_[field].name}, field, kAnySlot);
    std::vector<std::string> way;
    for (std::size_t from = 0; from < segments.size(); ++from) {
      way.push_back(segments[from].rest.text());
      if (form_ == Form::in_place) add_emitted(way, field, first_slots_[field] + from);
      way.back() = segments[from].name.text();
    }
    if (form_ == Form::in_place) add_branches(path, field);
    if (fields_[field].cast) fixed_bytes_ += kCastGrowth;
  }
  first_slots_.push_back(slots_.size());
  // Whole paths as names are rare: they are looked for behind the others.
  for (const bool is_literal : {false, true}) {
    for (std::size_t field = 0; field < fields_.size(); ++field) {
      const std::size_t ways = fields_[field].source.segments().size();
      for (std::size_t from = 0; from < ways; ++from) {
        if ((from + 1 < ways) == is_literal)
          add_wanted(wanted_, fields_[field].source, from, first_slots_[field] + from);
      }
    }
  }
  chosen_.resize(fields_.size(), kAnySlot);
  lists_.resize(fields_.size());
  is_listed_.resize(fields_.size());
  hidden_.resize(fields_.size());
  found_.resize(fields_.size());
}

void RecordProjection::add_wanted(Wanted& root, const FieldPath& path, std::size_t literal_from, std::size_t slot) {
  Wanted* at = &root;
  for (std::size_t i = 0; i <= literal_from; ++i) {
    const auto& segment = path.segments()[i];
    const JsonKey& key = i == literal_from ? segment.rest : segment.name;
    auto child = std::find_if(at->children.begin(), at->children.end(), [&](const Wanted& w) { return w.key == key; });
    if (child == at->children.end()) child = at->children.insert(at->children.end(), Wanted{key});
    at->first_bits |= key.first_bit();
    at = &*child;
  }
  at->slots.push_back(slot);
}

void RecordProjection::add_emitted(const std::vector<std::string>& way, std::size_t field, std::size_t slot) {
  std::vector<Emitted>* at = &members_;
  for (std::size_t i = 0; i < way.size(); ++i) {
    const bool is_leaf = i + 1 == way.size();
    auto member = std::find_if(at->begin(), at->end(),
                               [&](const Emitted& e) { return e.key == way[i] && e.field.has_value() == is_leaf; });
    if (member == at->end() || is_leaf) {
      const std::string opening = json_quoted(way[i]) + ":";
      fixed_bytes_ += opening.size() + 3;  // comma and braces
      member = at->insert(at->end(), Emitted{way[i], opening});
    }
    if (is_leaf) {
      member->field = field;
      member->slot = slot;
    }
    at = &member->children;
  }
}

void RecordProjection::add_branches(const FieldPath& path, std::size_t field) {
  Branch* at = &branches_;
  const auto& segments = path.segments();
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool is_last = i + 1 == segments.size();
    if (!is_last) at->children.push_back({segments[i].rest, {}, field, true, {}});
    const auto is_same = [&](const Branch& branch) {
      return !branch.is_literal && branch.field.has_value() == is_last && branch.key == segments[i].name;
    };
    auto child = std::find_if(at->children.begin(), at->children.end(), is_same);
    if (child == at->children.end()) {
      child = at->children.insert(at->children.end(), Branch{segments[i].name, segments[i].item, {}, false, {}});
    }
    if (is_last) child->field = field;
    at = &*child;
  }
}

Result<void> RecordProjection::look_at(const JsonValue& record) {
  for (Slot& slot : slots_) slot.bytes = {};
  has_arrays_ = false;
  ++record_number_;
  capture(record, wanted_);
  choose();
  if (has_arrays_) {
    if (form_ == Form::flat) {
      RETURN_IF_ERROR(list_values(record));
    } else {
      pruned_.clear();
      std::fill(hidden_.begin(), hidden_.end(), 0U);
      RETURN_IF_ERROR(prune_object(record, branches_));
    }
  }
  if (missing_ == 0) return {};
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (found_[field] || (chosen_[field] == kAnySlot && is_listed_[field] == 0)) continue;
    found_[field] = true;
    --missing_;
  }
  return {};
}

void RecordProjection::capture(const JsonValue& object, Wanted& wanted) {
  std::size_t guess = 0;  // fields mostly come in the order in which they were chosen
  object.visit_members([&](const JsonName& name, const JsonValue& value) {
    if ((name.first_bit() & wanted.first_bits) == 0 && !name.may_be_escaped()) return;
    for (std::size_t tried = 0; tried < wanted.children.size(); ++tried) {
      Wanted& child = wanted.children[guess];
      if (++guess == wanted.children.size()) guess = 0;
      if (!name.is(child.key)) continue;
      if (child.seen_in == record_number_) forget(child);
      child.seen_in = record_number_;
      if (!child.slots.empty()) {
        const std::string_view bytes = value.bytes();
        for (const auto slot : child.slots) slots_[slot].bytes = bytes;
      }
      if (child.children.empty()) break;
      if (value.is_object()) {
        capture(value, child);
      } else if (value.is_array()) {
        has_arrays_ = true;
      }
      break;
    }
  });
}

// A later member of the same name takes the place of all that was found in this one.
void RecordProjection::forget(const Wanted& wanted) {
  for (const auto slot : wanted.slots) slots_[slot].bytes = {};
  for (const Wanted& child : wanted.children) forget(child);
}

void RecordProjection::choose() {
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    std::size_t slot = first_slots_[field];
    while (slot < first_slots_[field + 1] && slots_[slot].bytes.data() == nullptr) ++slot;
    chosen_[field] = slot < first_slots_[field + 1] ? slot : kAnySlot;
  }
  if (std::exchange(has_listed_, false)) std::fill(is_listed_.begin(), is_listed_.end(), 0);
}

Result<void> RecordProjection::append_value(std::string_view bytes, std::size_t field, std::string& out) const {
  const auto& cast = fields_[field].cast;
  if (!cast) {
    out.append(bytes);
    return {};
  }
  const std::size_t size = out.size();
  out.resize(size + bytes.size() + kCastGrowth);
  auto end = write_cast(bytes, *cast, out.data() + size);
  if (!end) return with_context(end.error(), fields_[field].name);
  out.resize(static_cast<std::size_t>(*end - out.data()));
  return {};
}

Result<void> RecordProjection::list_values(const JsonValue& record) {
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (chosen_[field] != kAnySlot) continue;
    find_fields(record, fields_[field].source, values_);
    if (values_.values.empty()) continue;
    std::string& list = lists_[field];
    list.clear();
    if (values_.is_list) list += '[';
    for (const JsonValue& value : values_.values) {
      if (list.size() > 1) list += ',';
      RETURN_IF_ERROR(append_value(value.bytes(), field, list));
    }
    if (values_.is_list) list += ']';
    set_listed(field);
  }
  return {};
}

Result<void> RecordProjection::prune(const JsonValue& value, const Branch& branch) {
  if (value.is_object()) return prune_object(value, branch);
  if (value.is_array()) return prune_array(value, branch);
  return {};
}

Result<void> RecordProjection::prune_object(const JsonValue& object, const Branch& branch) {
  std::vector<std::optional<JsonValue>> members;
  for (const Branch& child : branch.children) {
    members.push_back(find_member(object, child.key));
    if (child.is_literal && members.back()) ++hidden_[*child.field];
  }
  pruned_ += '{';
  const std::size_t first = pruned_.size();
  for (std::size_t i = 0; i < branch.children.size(); ++i) {
    const Branch& child = branch.children[i];
    if (!members[i] || (child.field && hidden_[*child.field] > (child.is_literal ? 1U : 0U))) continue;
    const std::size_t before = pruned_.size();
    if (before != first) pruned_ += ',';
    pruned_.append(json_quoted(child.key.text())).append(":");
    if (child.field) {
      RETURN_IF_ERROR(append_value(members[i]->bytes(), *child.field, pruned_));
      set_listed(*child.field);
      continue;
    }
    const std::size_t inner = pruned_.size();
    RETURN_IF_ERROR(prune(*members[i], child));
    const std::string_view made = std::string_view(pruned_).substr(inner);
    if (made.empty() || made == "{}") pruned_.resize(before);
  }
  pruned_ += '}';
  for (std::size_t i = 0; i < branch.children.size(); ++i) {
    if (branch.children[i].is_literal && members[i]) --hidden_[*branch.children[i].field];
  }
  return {};
}

Result<void> RecordProjection::prune_array(const JsonValue& array, const Branch& branch) {
  const bool takes_all = std::any_of(branch.children.begin(), branch.children.end(),
                                     [](const Branch& child) { return !child.item && !child.is_literal; });
  pruned_ += '[';
  const std::size_t first = pruned_.size();
  std::uint64_t number = 0;
  Result<void> done;
  array.visit_items([&](const JsonValue& item) {
    const auto child =
        std::find_if(branch.children.begin(), branch.children.end(), [&](const Branch& c) { return c.item == number; });
    ++number;
    const bool is_named = child != branch.children.end();
    if (!done || (!is_named && (!takes_all || !item.is_container()))) return;
    const std::size_t before = pruned_.size();
    if (before != first) pruned_ += ',';
    const std::size_t inner = pruned_.size();
    if (is_named && child->field) {
      done = append_value(item.bytes(), *child->field, pruned_);
      set_listed(*child->field);
    } else {
      done = prune(item, is_named ? *child : branch);
    }
    if (pruned_.size() == inner) pruned_.resize(before);
  });
  pruned_ += ']';
  return done;
}

std::size_t RecordProjection::size_limit() const {
  if (has_arrays_ && form_ == Form::in_place) return pruned_.size();
  std::size_t size = fixed_bytes_;
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    if (has_listed_ && is_listed_[field] != 0) {
      size += lists_[field].size();
    } else if (chosen_[field] != kAnySlot) {
      size += slots_[chosen_[field]].bytes.size();
    }
  }
  return size;
}

std::optional<std::string_view> RecordProjection::value(std::size_t field) const {
  if (is_listed_[field] != 0) return lists_[field];
  if (chosen_[field] == kAnySlot) return std::nullopt;
  return slots_[chosen_[field]].bytes;
}

Result<char*> RecordProjection::write(char* out) const {
  if (!has_arrays_ || form_ == Form::flat) return emit(members_, out);
  std::memcpy(out, pruned_.data(), pruned_.size());
  return out + pruned_.size();
}

// Members without bytes are left out, and objects that would be empty.
Result<char*> RecordProjection::emit(const std::vector<Emitted>& members, char* out) const {
  *out++ = '{';
  const char* first = out;
  for (const auto& member : members) {
    std::string_view bytes;
    bool is_cast = true;
    if (member.field) {
      const std::size_t chosen = chosen_[*member.field];
      if (has_listed_ && is_listed_[*member.field] != 0) {
        bytes = lists_[*member.field];
      } else if (chosen != kAnySlot && (member.slot == kAnySlot || member.slot == chosen)) {
        bytes = slots_[chosen].bytes;
        is_cast = !fields_[*member.field].cast;
      } else {
        continue;
      }
    }
    char* before = out;
    if (out != first) *out++ = ',';
    std::memcpy(out, member.opening.data(), member.opening.size());
    out += member.opening.size();
    if (!member.field) {
      const char* inner = out;
      ASSIGN_OR_RETURN(out, emit(member.children, out));
      if (out - inner == 2) out = before;
    } else if (is_cast) {
      std::memcpy(out, bytes.data(), bytes.size());
      out += bytes.size();
    } else {
      const ChosenField& field = fields_[*member.field];
      auto end = write_cast(bytes, *field.cast, out);
      if (!end) return with_context(end.error(), field.name);
      out = *end;
    }
  }
  *out++ = '}';
  return out;
}

}  // namespace slicemill
