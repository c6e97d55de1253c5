#include <fmt/core.h>
#include <yaml.h>

#include <memory>

#include "core/runtime/document_text.h"
#include "core/runtime/json.h"
#include "core/runtime/json_builder.h"
#include "core/runtime/yaml_scalar.h"
#include "core/runtime/yaml_text.h"

namespace slicemill {
namespace {

constexpr std::size_t kMostNotes = 20;

std::string text_of(const yaml_char_t* text) {
  return text == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(text));
}

std::string mark_text(const yaml_mark_t& mark) {
  return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
}

// One event, freed at the end of its scope.
struct Event {
  yaml_event_t native{};

  Event() = default;
  ~Event() { yaml_event_delete(&native); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
};

// Feeds the builder with the events of the one document. The library hands them out one by one, so nothing grows
// before the builder's bounds apply.
class YamlReader {
 public:
  YamlReader(std::string_view text, std::size_t memory, YamlNotes* notes, bool as_written = false,
             std::string_view wanted = {})
      : text_(text), notes_(notes), as_written_(as_written), wanted_(wanted), builder_(memory) {
    if (yaml_parser_initialize(&parser_) == 0) throw std::bad_alloc();
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
  }
  ~YamlReader() { yaml_parser_delete(&parser_); }
  YamlReader(const YamlReader&) = delete;
  YamlReader& operator=(const YamlReader&) = delete;

  Result<Json> read() {
    for (bool more = true; more;) {
      Event event;
      if (yaml_parser_parse(&parser_, &event.native) == 0) return syntax_error();
      more =
          event.native.type != YAML_STREAM_END_EVENT && !(as_written_ && event.native.type == YAML_DOCUMENT_END_EVENT);
      const bool is_key = builder_.wants_key();
      if (!is_key) note_place(event.native);
      RETURN_IF_ERROR(take(event.native));
      if (is_key && !builder_.wants_key()) note_place(event.native);
    }
    return builder_.take();
  }

  // Where the wanted value or its key is; 0: it was not met.
  std::size_t wanted_line() const { return wanted_line_; }

 private:
  Result<void> take(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_DOCUMENT_START_EVENT:
        if (++documents_ > 1) return error(event.start_mark, "a second document begins; give one in a file");
        return {};
      case YAML_ALIAS_EVENT:
        return take_alias(event);
      case YAML_SCALAR_EVENT:
        return take_scalar(event);
      case YAML_SEQUENCE_START_EVENT:
        RETURN_IF_ERROR(begin_holder(event, text_of(event.data.sequence_start.anchor),
                                     text_of(event.data.sequence_start.tag), "seq"));
        return judged(event, builder_.begin_array());
      case YAML_MAPPING_START_EVENT:
        RETURN_IF_ERROR(begin_holder(event, text_of(event.data.mapping_start.anchor),
                                     text_of(event.data.mapping_start.tag), "map"));
        return judged(event, builder_.begin_object());
      case YAML_SEQUENCE_END_EVENT:
      case YAML_MAPPING_END_EVENT:
        return judged(event, builder_.end());
      default:
        return {};
    }
  }

  void note_place(const yaml_event_t& event) {
    if (!wanted_.empty() && wanted_line_ == 0 && builder_.path() == wanted_) wanted_line_ = event.start_mark.line + 1;
  }

  Result<void> begin_holder(const yaml_event_t& event, std::string anchor, const std::string& tag,
                            std::string_view type) {
    if (builder_.wants_key()) return error(event.start_mark, "a key must be text");
    if (!tag.empty() && tag != "!" && tag != fmt::format("tag:yaml.org,2002:{}", type))
      return error(event.start_mark, fmt::format("the tag {} is not supported", tag));
    if (!anchor.empty()) builder_.anchor(std::move(anchor));
    return {};
  }

  Result<void> take_alias(const yaml_event_t& event) {
    const std::string name = text_of(event.data.alias.anchor);
    if (!builder_.wants_key()) return judged(event, builder_.alias(name));
    auto key = builder_.scalar_text(name);
    if (!key) return error(event.start_mark, fmt::format("a key must be text; *{} is none", name));
    return judged(event, builder_.key(std::move(*key)));
  }

  Result<void> take_scalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    std::string text(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const std::string tag = text_of(scalar.tag);
    const bool is_plain = scalar.style == YAML_PLAIN_SCALAR_STYLE && tag.empty();
    if (builder_.wants_key()) return take_key(event, std::move(text), is_plain);
    if (scalar.anchor != nullptr) builder_.anchor(text_of(scalar.anchor));
    if (!is_plain && tag.empty()) return judged(event, builder_.value(std::move(text)));
    if (as_written_ && is_plain) return judged(event, builder_.value(is_null(text) ? Json() : Json(std::move(text))));
    std::string note;
    auto value = is_plain ? yaml_plain_scalar(text, note) : yaml_tagged_scalar(text, tag);
    if (!value) return error(event.start_mark, value.error().message);
    if (!note.empty()) add_note(event.start_mark, note);
    return judged(event, builder_.value(std::move(*value)));
  }

  Result<void> take_key(const yaml_event_t& event, std::string text, bool is_plain) {
    if (event.data.scalar.anchor != nullptr) return error(event.start_mark, "a key cannot have an anchor");
    if (is_plain && text == "<<") return judged(event, builder_.merge_key());
    if (is_plain && (text.empty() || text == "~" || text == "null"))
      return error(event.start_mark, "a key must be text; put it in quotes");
    return judged(event, builder_.key(std::move(text)));
  }

  Result<void> judged(const yaml_event_t& event, bool fine) const {
    if (fine) return {};
    return error(event.start_mark, builder_.complaint());
  }

  static Error error(const yaml_mark_t& mark, std::string_view complaint) {
    return {ErrorCode::invalid, fmt::format("{}: {}", mark_text(mark), complaint)};
  }

  Error syntax_error() const {
    if (parser_.error == YAML_MEMORY_ERROR) return {ErrorCode::invalid, "the document takes too much memory"};
    if (parser_.error == YAML_READER_ERROR)
      return {ErrorCode::invalid, fmt::format("{}: {}", place_of(text_, parser_.problem_offset), parser_.problem)};
    std::string complaint = parser_.problem == nullptr ? "this is no YAML" : parser_.problem;
    if (parser_.context != nullptr) {
      complaint += fmt::format(" {}", parser_.context);
      if (parser_.context_mark.line != parser_.problem_mark.line)
        complaint += fmt::format(" that begins at {}", mark_text(parser_.context_mark));
    }
    return error(parser_.problem_mark, complaint);
  }

  void add_note(const yaml_mark_t& mark, std::string_view note) {
    if (notes_ == nullptr || notes_->size() > kMostNotes) return;
    const bool is_last = notes_->size() == kMostNotes;
    notes_->push_back(is_last ? "there are more values of this kind" : fmt::format("{}: {}", mark_text(mark), note));
  }

  static bool is_null(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
  }

  std::string_view text_;
  YamlNotes* notes_;
  const bool as_written_;
  const std::string_view wanted_;
  std::size_t wanted_line_ = 0;
  yaml_parser_t parser_{};
  JsonBuilder builder_;
  int documents_ = 0;
};

}  // namespace

Result<Json> parse_yaml(std::string_view text, YamlNotes* notes, std::size_t memory) {
  std::string storage;
  ASSIGN_OR_RETURN(const std::string_view document, document_text(text, storage));
  return YamlReader(document, memory, notes).read();
}

Result<Json> parse_yaml_as_written(std::string_view text, std::size_t memory) {
  std::string storage;
  ASSIGN_OR_RETURN(const std::string_view document, document_text(text, storage));
  return YamlReader(document, memory, nullptr, true).read();
}

std::size_t yaml_line_of(std::string_view text, std::string_view path) {
  std::string storage;
  const auto document = document_text(text, storage);
  if (!document) return 0;
  YamlReader reader(*document, kDocumentMemory, nullptr, true, path);
  (void)reader.read();
  return reader.wanted_line();
}

}  // namespace slicemill
