#include "core/runtime/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>

#include "core/runtime/decimal.h"

namespace slicemill {
namespace {

constexpr int kMaxDepth = 200;

bool is_kept_exactly(std::string_view number) {
  const char* last = number.data() + number.size();
  const auto fits = [&](auto integer) {
    const auto [end, error] = std::from_chars(number.data(), last, integer);
    return error == std::errc() && end == last;
  };
  return fits(std::int64_t{}) || fits(std::uint64_t{}) || is_kept_by_double(number);
}

std::string lossy_number(std::string_view number) {
  return fmt::format("the number {} is longer or larger than a double keeps exactly; write fewer digits, or a text",
                     number);
}

// "line 3, column 7" of a byte offset.
std::string place_of(std::string_view text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const auto head = text.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::count(head.begin(), head.end(), '\n')) + 1;
  const auto line_start = head.rfind('\n');
  const std::size_t column = line_start == std::string_view::npos ? offset + 1 : offset - line_start;
  return fmt::format("line {}, column {}", line, column);
}

// Depth is checked before parsing, so that the parser's recursion (and the value's destructor) stays bounded.
bool too_deep(std::string_view text, std::size_t& offset) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) {
        offset = i;
        return true;
      }
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// A number that a double would change, of those that are not kept as integers: where it begins, and its text.
std::optional<std::pair<std::size_t, std::string_view>> find_lossy_number(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1 : 0;
    } else if (text[at] == '-' || std::isdigit(static_cast<unsigned char>(text[at]))) {
      const std::size_t end = std::min(text.find_first_not_of("0123456789.eE+-", at), text.size());
      const std::string_view number = text.substr(at, end - at);
      if (!is_kept_exactly(number)) return std::pair(at, number);
      at = end - 1;
    }
  }
  return std::nullopt;
}

// The library's message without its "[json.exception...] parse error at line 1, column 2: " head.
std::string parser_complaint(std::string_view what) {
  const auto syntax = what.find("syntax error");
  if (syntax != std::string_view::npos) return std::string(what.substr(syntax));
  const auto colon = what.find(": ");
  return std::string(colon == std::string_view::npos ? what : what.substr(colon + 2));
}

Json yaml_scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  const char* first = text.data();
  const char* last = first + text.size();
  std::int64_t whole = 0;
  if (auto [end, error] = std::from_chars(first, last, whole); error == std::errc() && end == last) return whole;
  const bool numeric_start = std::isdigit(static_cast<unsigned char>(*first)) || *first == '-' || *first == '.';
  double real = 0;
  if (auto [end, error] = std::from_chars(first, last, real);
      numeric_start && error == std::errc() && end == last && std::isfinite(real))
    return real;
  return text;
}

Result<Json> yaml_value(const YAML::Node& node, int depth) {
  if (depth > kMaxDepth)
    return Error(ErrorCode::invalid,
                 fmt::format("line {}: nested deeper than {} levels", node.Mark().line + 1, kMaxDepth));
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return Json(nullptr);
    case YAML::NodeType::Scalar: {
      Json value = yaml_scalar(node);
      if (value.is_number_float() && !is_kept_exactly(node.Scalar()))
        return Error(ErrorCode::invalid, fmt::format("line {}, column {}: {}", node.Mark().line + 1,
                                                     node.Mark().column + 1, lossy_number(node.Scalar())));
      return value;
    }
    case YAML::NodeType::Sequence: {
      Json list = Json::array();
      for (const auto& item : node) {
        ASSIGN_OR_RETURN(Json value, yaml_value(item, depth + 1));
        list.push_back(std::move(value));
      }
      return list;
    }
    case YAML::NodeType::Map: {
      Json object = Json::object();
      for (const auto& member : node) {
        if (!member.first.IsScalar())
          return Error(ErrorCode::invalid, fmt::format("line {}: a key must be text", member.first.Mark().line + 1));
        if (object.contains(member.first.Scalar()))
          return Error(ErrorCode::invalid, fmt::format("line {}: key \"{}\" is given twice",
                                                       member.first.Mark().line + 1, member.first.Scalar()));
        ASSIGN_OR_RETURN(Json value, yaml_value(member.second, depth + 1));
        object[member.first.Scalar()] = std::move(value);
      }
      return object;
    }
  }
  return Json(nullptr);
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  std::size_t offset = 0;
  if (too_deep(text, offset))
    return Error(ErrorCode::invalid,
                 fmt::format("{}: nested deeper than {} levels", place_of(text, offset), kMaxDepth));
  if (const auto lossy = find_lossy_number(text); lossy && Json::accept(lossy->second))
    return Error(ErrorCode::invalid, fmt::format("{}: {}", place_of(text, lossy->first), lossy_number(lossy->second)));
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return Error(ErrorCode::invalid, fmt::format("{}: {}", place_of(text, error.byte == 0 ? 0 : error.byte - 1),
                                                 parser_complaint(error.what())));
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::invalid, error.what());
  }
}

Result<Json> parse_yaml(std::string_view text) {
  try {
    return yaml_value(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& error) {
    return Error(ErrorCode::invalid,
                 fmt::format("line {}, column {}: {}", error.mark.line + 1, error.mark.column + 1, error.msg));
  }
}

Result<Json> parse_json_or_yaml(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && (text[first] == '{' || text[first] == '[')) return parse_json(text);
  return parse_yaml(text);
}

bool is_true(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string to_compact_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string to_pretty_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace slicemill
