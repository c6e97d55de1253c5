#include "core/runtime/json_text.h"

#include <algorithm>

namespace slicemill {

JsonText::JsonText(JsonTextForm form) : form_(std::move(form)), written_(form_.laid_over.size()) {}

void JsonText::new_line(int depth, std::string& out) const {
  if (form_.indent == 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(form_.indent) * static_cast<std::size_t>(form_.depth + depth), ' ');
}

bool JsonText::is_wanted(std::string_view name) const {
  return !form_.only || std::ranges::find(*form_.only, name) != form_.only->end();
}

void JsonText::write(std::string_view piece, std::string& out) {
  while (!piece.empty()) {
    if (in_text_) {
      // Up to the end of the text, or to what it does not take as it is.
      std::size_t size = 0;
      if (is_escaped_) {
        size = 1;
        is_escaped_ = false;
      } else {
        size = std::min(piece.find_first_of("\"\\"), piece.size());
        if (size < piece.size()) {
          if (piece[size] == '\\')
            is_escaped_ = true;
          else
            in_text_ = false;
          ++size;
        }
      }
      if (in_key_)
        key_ += piece.substr(0, size);
      else if (!skips_)
        out += piece.substr(0, size);
      piece.remove_prefix(size);
      if (in_key_ && !in_text_) end_of_key(out);
      continue;
    }
    const char c = piece.front();
    piece.remove_prefix(1);
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    take_structure(c, out);
  }
}

void JsonText::take_structure(char c, std::string& out) {
  const bool outermost = depth_ == 1 && !is_list_;
  switch (c) {
    case '{':
    case '[':
      if (!skips_) {
        begin_value(out);
        out += c;
        is_open_ = true;
      }
      if (depth_ == 0) is_list_ = c == '[';
      wants_key_ = depth_++ == 0 && !is_list_;
      began_ = true;
      return;
    case '}':
    case ']':
      --depth_;
      if (outermost) {
        skips_ = false;
        add_laid_over(out);
        if (has_members_) new_line(0, out);
        out += c;
      } else if (!skips_) {
        if (!is_open_) new_line(depth_, out);
        out += c;
      }
      is_open_ = false;
      return;
    case ',':
      if (outermost) {  // is written with the member that follows, if there is one
        skips_ = false;
        wants_key_ = true;
      } else if (!skips_) {
        out += c;
        new_line(depth_, out);
      }
      return;
    case ':':
      if (!skips_) out += form_.indent == 0 ? ":" : ": ";
      return;
    case '"':
      in_text_ = true;
      if (outermost && wants_key_) {
        in_key_ = true;
        key_.clear();
        return;
      }
      [[fallthrough]];
    default:
      if (!skips_) {
        begin_value(out);
        out += c;
      }
  }
}

// The first thing within a bracket stands on a line of its own.
void JsonText::begin_value(std::string& out) {
  if (is_open_ && (depth_ > 1 || is_list_)) new_line(depth_, out);
  is_open_ = false;
}

void JsonText::begin_member(std::string_view raw_key, std::string& out) {
  if (has_members_) out += ',';
  has_members_ = true;
  is_open_ = false;
  new_line(1, out);
  out += '"';
  out += raw_key;
  out += '"';
}

void JsonText::write_laid_over(std::size_t which, std::string& out) {
  const auto& [name, value] = form_.laid_over[which];
  written_[which] = true;
  begin_member(name, out);
  out += form_.indent == 0 ? ":" : ": ";
  if (form_.indent > 0 && (value.starts_with('{') || value.starts_with('['))) {
    out += json_text(value, {.indent = form_.indent, .depth = form_.depth + 1});
  } else {
    out += value;
  }
}

void JsonText::end_of_key(std::string& out) {
  in_key_ = false;
  wants_key_ = false;
  key_.pop_back();  // the quote
  const auto same = std::ranges::find(form_.laid_over, key_, &JsonMembers::value_type::first);
  skips_ = false;
  if (std::ranges::find(form_.left_out, key_) != form_.left_out.end()) {
    skips_ = true;
  } else if (same != form_.laid_over.end()) {
    skips_ = true;
    if (is_wanted(key_)) write_laid_over(static_cast<std::size_t>(same - form_.laid_over.begin()), out);
  } else if (is_wanted(key_)) {
    begin_member(key_, out);
  } else {
    skips_ = true;
  }
  key_ = std::string();
}

void JsonText::add_laid_over(std::string& out) {
  for (std::size_t i = 0; i < form_.laid_over.size(); ++i)
    if (!written_[i] && is_wanted(form_.laid_over[i].first)) write_laid_over(i, out);
}

std::string json_text(std::string_view text, JsonTextForm form) {
  std::string out;
  JsonText(std::move(form)).write(text, out);
  return out;
}

}  // namespace slicemill
