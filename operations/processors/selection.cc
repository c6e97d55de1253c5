#include "operations/processors/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/runtime/text.h"
#include "operations/json_cast.h"
#include "operations/json_record.h"
#include "operations/record_tokens.h"

namespace slicemill {
namespace {

// One field of the output: where its bytes come from, where they go.
struct Choice {
  std::string name;                 // as `casts` calls it
  std::vector<std::string> target;  // names of the objects around it, then its own
  FieldPath source;
  std::optional<JsonCast> cast;
};

Result<void> choose_from_list(const Json& fields, std::vector<Choice>& choices) {
  for (const auto& field : fields) {
    if (!field.is_string()) return Error(ErrorCode::invalid, "fields: every item must be the path of a field", false);
    auto path = FieldPath::parse(field.get_ref<const std::string&>());
    if (!path) return with_context(path.error(), "fields");
    choices.push_back({path->text, path->segments, *path, std::nullopt});
  }
  return {};
}

Result<void> choose_from_object(const Json& fields, std::vector<Choice>& choices) {
  for (const auto& [name, source] : fields.items()) {
    if (!source.is_string()) {
      return Error(ErrorCode::invalid, fmt::format("fields.{}: must be the path of the source field", name), false);
    }
    auto path = FieldPath::parse(source.get_ref<const std::string&>());
    if (!path) return with_context(path.error(), "fields." + name);
    choices.push_back({name, {name}, *path, std::nullopt});
  }
  return {};
}

// A list may name a field and one within it; the outer one holds the inner one already.
void drop_covered(std::vector<Choice>& choices) {
  const auto covers = [](const Choice& outer, const Choice& inner) {
    return outer.target.size() < inner.target.size() &&
           std::equal(outer.target.begin(), outer.target.end(), inner.target.begin());
  };
  std::vector<Choice> kept;
  for (const auto& choice : choices) {
    const bool is_covered =
        std::any_of(choices.begin(), choices.end(), [&](const Choice& other) { return covers(other, choice); });
    const bool is_repeated =
        std::any_of(kept.begin(), kept.end(), [&](const Choice& other) { return other.target == choice.target; });
    if (!is_covered && !is_repeated) kept.push_back(choice);
  }
  choices = std::move(kept);
}

Result<std::vector<Choice>> read_choices(const Json& options) {
  std::vector<Choice> choices;
  const auto& fields = options.at("fields");
  if (fields.is_array()) {
    RETURN_IF_ERROR(choose_from_list(fields, choices));
    drop_covered(choices);
  } else if (fields.is_object()) {
    RETURN_IF_ERROR(choose_from_object(fields, choices));
  } else {
    return Error(ErrorCode::invalid, "fields: must be a list of field paths, or an object of output name -> field path",
                 false);
  }
  if (choices.empty()) return Error(ErrorCode::invalid, "fields: must name at least one field", false);
  if (!options.contains("casts")) return choices;
  for (const auto& [name, word] : options["casts"].items()) {
    const auto choice =
        std::find_if(choices.begin(), choices.end(), [&, &wanted = name](const Choice& c) { return c.name == wanted; });
    if (choice == choices.end())
      return Error(ErrorCode::invalid, fmt::format("casts.{}: is not one of the fields", name), false);
    choice->cast = word.is_string() ? parse_json_cast(word.get_ref<const std::string&>()) : std::nullopt;
    if (!choice->cast)
      return Error(ErrorCode::invalid, fmt::format("casts.{}: must be string, number, integer or boolean", name),
                   false);
  }
  return choices;
}

// The fields to look for in one object of the input.
struct Wanted {
  std::string key;
  std::vector<std::size_t> slots;  // choices that take the value itself
  std::vector<Wanted> children;
  std::uint64_t seen_in = 0;  // number of the last record that had it: of repeated keys the first counts
};

// One member of the output; a leaf has a slot.
struct Emitted {
  std::string key;      // as given
  std::string opening;  // `"key":`
  std::optional<std::size_t> slot;
  std::vector<Emitted> children;
};

void add_wanted(Wanted& root, const Choice& choice, std::size_t slot) {
  Wanted* at = &root;
  for (const auto& segment : choice.source.segments) {
    auto child =
        std::find_if(at->children.begin(), at->children.end(), [&](const Wanted& w) { return w.key == segment; });
    if (child == at->children.end()) child = at->children.insert(at->children.end(), Wanted{segment, {}, {}, 0});
    at = &*child;
  }
  at->slots.push_back(slot);
}

// Returns the bytes of names and punctuation that were added.
std::size_t add_emitted(std::vector<Emitted>& members, const Choice& choice, std::size_t slot) {
  std::size_t added = 0;
  std::vector<Emitted>* at = &members;
  for (std::size_t i = 0; i < choice.target.size(); ++i) {
    const auto& name = choice.target[i];
    auto member = std::find_if(at->begin(), at->end(), [&](const Emitted& e) { return e.key == name; });
    if (member == at->end()) {
      const auto opening = to_compact_text(Json(name)) + ":";
      added += opening.size() + 3;  // comma and braces
      member = at->insert(at->end(), Emitted{name, opening, std::nullopt, {}});
    }
    if (i + 1 == choice.target.size()) member->slot = slot;
    at = &member->children;
  }
  return added;
}

class Selection final : public Processor {
 public:
  Result<void> initialize(const OperationContext& context) override {
    rejecter_ = RecordRejecter(context);
    ASSIGN_OR_RETURN(choices_, read_choices(context.options));
    fixed_bytes_ = 2;
    for (std::size_t slot = 0; slot < choices_.size(); ++slot) {
      add_wanted(wanted_, choices_[slot], slot);
      fixed_bytes_ += add_emitted(members_, choices_[slot], slot);
      if (choices_[slot].cast) fixed_bytes_ += kCastGrowth;
    }
    slots_.resize(choices_.size());
    return {};
  }

  Result<void> process(RecordBatch& batch) override {
    RecordTokens tokens(batch, indexer_);
    std::size_t number = 0;
    return edit_records(batch, rejecter_, [&](std::string_view record) -> Result<std::string_view> {
      const auto object = tokens.object(number++);
      if (!object) return not_an_object(record);
      return select(batch, record, *object);
    });
  }
  void change_columns(std::vector<std::string>& columns) const override {
    std::vector<std::string> chosen;
    for (const Choice& choice : choices_) {
      const bool is_column = choice.source.segments.size() == 1 &&
                             std::find(columns.begin(), columns.end(), choice.source.segments[0]) != columns.end();
      if (is_column && choice.target.size() == 1) chosen.push_back(choice.target[0]);
    }
    columns = std::move(chosen);
  }

 private:
  Result<std::string_view> select(RecordBatch& batch, std::string_view record, const JsonValue& object) {
    std::fill(slots_.begin(), slots_.end(), std::string_view());
    ++record_number_;
    capture(object, record, wanted_);

    std::size_t size = fixed_bytes_;
    for (const auto slot : slots_) size += slot.size();
    char* start = batch.allocate(size);
    auto end = emit(members_, start);
    if (!end)
      return Error(ErrorCode::invalid, fmt::format("{}, in {}", end.error().message, record_head(record)), false);
    const auto used = static_cast<std::size_t>(*end - start);
    batch.shrink_last(start, used);
    return std::string_view(start, used);
  }

  // Fills the slots of one object's fields, and ends as soon as it has them all.
  void capture(const JsonValue& object, std::string_view record, Wanted& wanted) {
    std::size_t missing = wanted.children.size();
    std::size_t guess = 0;  // fields mostly come in the order in which they were chosen
    object.visit_members([&](const char* key, const JsonValue& value) {
      for (std::size_t tried = 0; tried < wanted.children.size(); ++tried) {
        auto& child = wanted.children[guess];
        if (++guess == wanted.children.size()) guess = 0;
        if (!json_record::key_is(key, record, child.key)) continue;
        if (child.seen_in == record_number_) break;
        child.seen_in = record_number_;
        --missing;
        for (const auto slot : child.slots) slots_[slot] = value.bytes();
        if (!child.children.empty() && value.is_object()) capture(value, record, child);
        break;
      }
      return missing > 0;
    });
  }

  // Members without bytes are left out, and objects that would be empty.
  Result<char*> emit(const std::vector<Emitted>& members, char* out) {
    *out++ = '{';
    const char* first = out;
    for (const auto& member : members) {
      char* before = out;
      if (out != first) *out++ = ',';
      std::memcpy(out, member.opening.data(), member.opening.size());
      out += member.opening.size();
      if (!member.slot) {
        const char* inner = out;
        ASSIGN_OR_RETURN(out, emit(member.children, out));
        if (out - inner == 2) out = before;
        continue;
      }
      const auto bytes = slots_[*member.slot];
      if (bytes.data() == nullptr) {
        out = before;
      } else if (const auto& choice = choices_[*member.slot]; choice.cast) {
        auto end = write_cast(bytes, *choice.cast, out);
        if (!end) return with_context(end.error(), choice.name);
        out = *end;
      } else {
        std::memcpy(out, bytes.data(), bytes.size());
        out += bytes.size();
      }
    }
    *out++ = '}';
    return out;
  }

  JsonIndexer indexer_;
  RecordRejecter rejecter_;
  std::vector<Choice> choices_;
  Wanted wanted_;
  std::vector<Emitted> members_;
  std::size_t fixed_bytes_ = 0;  // names, punctuation and the growth of casts
  std::vector<std::string_view> slots_;
  std::uint64_t record_number_ = 0;
};

}  // namespace

OperationEntry selection_operation() {
  OperationSchema schema;
  schema.name = "selection";
  schema.kind = OperationKind::processor;
  schema.description =
      "Keeps only the chosen fields of each record, in the order in which they are named. Missing ones are left out.";
  schema.options = {
      {.name = "fields",
       .type = OptionType::any,
       .description = "A list of field paths (`http.status` keeps its place within `http`), or an object of output "
                      "name -> field path.",
       .required = true},
      {.name = "casts",
       .type = OptionType::object,
       .description = "Converts values: an object of output name (of a list: the path) -> `string`, `number`, "
                      "`integer` or `boolean`."},
  };
  schema.check = [](const Json& options) -> Result<void> {
    if (auto choices = read_choices(options); !choices) return choices.error();
    return {};
  };
  return {std::move(schema), [] { return std::make_unique<Selection>(); }};
}

}  // namespace slicemill
