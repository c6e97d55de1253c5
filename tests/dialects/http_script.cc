#include "tests/dialects/http_script.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/runtime/text.h"
#include "tests/api/http_client.h"

namespace slicemill {
namespace {

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
  return text;
}

// {repeat:3:ab} -> ababab
std::string expanded(std::string text) {
  for (std::size_t at = 0; (at = text.find("{repeat:", at)) != std::string::npos;) {
    std::size_t colon = text.find(':', at + 8);
    std::size_t end = text.find('}', colon);
    int times = std::stoi(text.substr(at + 8, colon - at - 8));
    std::string unit = text.substr(colon + 1, end - colon - 1);
    std::string all;
    for (int i = 0; i < times; ++i) all += unit;
    text.replace(at, end + 1 - at, all);
    at += all.size();
  }
  return text;
}

bool begins_expectation(const std::string& line) {
  return line.starts_with("called ") || line.starts_with("not called ") || line == "exactly" ||
         line.starts_with("=== ");
}

class ScriptParser {
 public:
  explicit ScriptParser(std::string_view text) : lines_(split(text, '\n')) {}

  Result<std::vector<HttpCase>> parse() {
    std::vector<HttpCase> cases;
    while (skip_to_case()) {
      HttpCase added;
      added.line = static_cast<int>(at_) + 1;
      added.name = lines_[at_++].substr(4);
      RETURN_IF_ERROR(parse_request(added));
      RETURN_IF_ERROR(parse_expected(added));
      cases.push_back(std::move(added));
    }
    if (cases.empty()) return wrong("a script has at least one case");
    return cases;
  }

 private:
  bool more() const { return at_ < lines_.size(); }
  Error wrong(std::string_view what) const {
    return Error(ErrorCode::invalid, fmt::format("line {}: {}", at_ + 1, what));
  }

  bool skip_to_case() {
    while (more() && !lines_[at_].starts_with("=== ")) ++at_;
    return more();
  }

  Result<void> parse_request(HttpCase& out) {
    for (; more() && lines_[at_].starts_with("given "); ++at_) {
      std::string rest = lines_[at_].substr(6);
      auto blank = rest.find(' ');
      if (blank == std::string::npos) return wrong("given needs a call and an answer");
      out.given.push_back({rest.substr(0, blank), rest.substr(blank + 1)});
    }
    if (!more()) return wrong("expected a request line");
    auto blank = lines_[at_].find(' ');
    if (blank == std::string::npos) return wrong("expected METHOD TARGET");
    out.method = lines_[at_].substr(0, blank);
    out.target = expanded(lines_[at_].substr(blank + 1));
    for (++at_; more() && !lines_[at_].empty() && !lines_[at_].starts_with("--- "); ++at_)
      out.header_lines += expanded(lines_[at_]) + "\r\n";
    if (more() && lines_[at_].empty()) ++at_;
    std::vector<std::string> body;
    for (; more() && !lines_[at_].starts_with("--- "); ++at_) body.push_back(lines_[at_]);
    out.body = expanded(join(body, "\n"));
    if (!more()) return wrong("expected --- STATUS");
    auto status = parse_integer(lines_[at_].substr(4));
    if (!status) return wrong("expected --- STATUS");
    out.status = static_cast<int>(*status);
    ++at_;
    return {};
  }

  // The lines up to the next word of an expectation, without blank ones at the end.
  std::string block() {
    std::vector<std::string> lines;
    for (; more() && !begins_expectation(lines_[at_]); ++at_) lines.push_back(lines_[at_]);
    while (!lines.empty() && (lines.back().empty() || lines.back().starts_with('#'))) lines.pop_back();
    return join(lines, "\n");
  }

  Result<void> parse_expected(HttpCase& out) {
    while (more() && !lines_[at_].starts_with("=== ")) {
      const std::string& line = lines_[at_];
      if (line.empty() || line.starts_with('#')) {
        ++at_;
      } else if (line.starts_with('{') || line.starts_with('[')) {
        out.json = block();
      } else if (line == "exactly") {
        ++at_;
        out.exact = block();
      } else if (line.starts_with("not called ")) {
        out.called.push_back({line.substr(11), "", false});
        ++at_;
      } else if (line.starts_with("called ")) {
        auto blank = line.find(' ', 7);
        out.called.push_back(
            {line.substr(7, blank - 7), blank == std::string::npos ? "{}" : line.substr(blank + 1), true});
        ++at_;
      } else if (auto colon = line.find(": "); colon != std::string::npos) {
        out.headers.emplace_back(line.substr(0, colon), line.substr(colon + 2));
        ++at_;
      } else {
        return wrong("not an expectation");
      }
    }
    return {};
  }

  std::vector<std::string> lines_;
  std::size_t at_ = 0;
};

Result<ErrorCode> error_code(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i)
    if (word == to_string(static_cast<ErrorCode>(i))) return static_cast<ErrorCode>(i);
  return Error(ErrorCode::invalid, fmt::format("\"{}\" is not an error code", word));
}

Result<void> set_answer(FakeJobService& service, const HttpCase::Given& given) {
  if (!given.rest.starts_with("error ")) {
    ASSIGN_OR_RETURN(auto value, parse_json(given.rest));
    service.answer(given.call, std::move(value));
    return {};
  }
  std::string rest = given.rest.substr(6);
  auto blank = rest.find(' ');
  ASSIGN_OR_RETURN(auto code, error_code(rest.substr(0, blank)));
  service.fail(given.call, Error(code, blank == std::string::npos ? "" : expanded(rest.substr(blank + 1))));
  return {};
}

std::string check_call(const HttpCase::Called& called, const std::vector<Json>& calls) {
  const Json* last = nullptr;
  for (const Json& entry : calls)
    if (entry.at("call") == called.call) last = &entry;
  if (!called.expected) return last ? fmt::format("{} was called", called.call) : "";
  if (!last) return fmt::format("{} was not called", called.call);
  auto expected = parse_json(called.arguments);
  if (!expected) return expected.error().message;
  std::string difference = json_difference(*expected, *last);
  return difference.empty() ? ""
                            : fmt::format("{} was called with {}: {}", called.call, to_compact_text(*last), difference);
}

}  // namespace

Result<std::vector<HttpCase>> parse_http_script(std::string_view text) {
  return ScriptParser(text).parse();
}

std::string json_difference(const Json& expected, const Json& actual, const std::string& place) {
  if (expected.is_object() && actual.is_object()) {
    for (const auto& [key, value] : expected.items()) {
      if (!actual.contains(key)) return fmt::format("at {}/{}: missing", place, key);
      std::string difference = json_difference(value, actual.at(key), place + "/" + key);
      if (!difference.empty()) return difference;
    }
    return "";
  }
  if (expected.is_array() && actual.is_array() && expected.size() == actual.size()) {
    for (std::size_t i = 0; i < expected.size(); ++i) {
      std::string difference = json_difference(expected[i], actual[i], place + "/" + std::to_string(i));
      if (!difference.empty()) return difference;
    }
    return "";
  }
  if (expected == actual) return "";
  return fmt::format("at {}: expected {}, got {}", place.empty() ? "/" : place, to_compact_text(expected),
                     to_compact_text(actual));
}

std::vector<std::string> run_http_case(const HttpCase& script, ApiServer& api, std::string_view prefix) {
  std::vector<std::string> wrong;
  auto check = [&](bool holds, std::string text) {
    if (!holds) wrong.push_back(std::move(text));
  };
  std::string target = std::string(prefix) + script.target;
  api.on_loop([&] {
    api.service().calls.clear();
    for (const HttpCase::Given& given : script.given) {
      auto set = set_answer(api.service(), given);
      check(set.has_value(), set ? "" : "given " + given.call + ": " + set.error().message);
    }
  });
  HttpClient client(api.port());
  client.send(http_request(script.method, target, script.body, script.header_lines));
  auto answer = client.read_answer(script.method != "HEAD");
  if (!answer) return {"the connection ended without an answer"};

  check(answer->status == script.status,
        fmt::format("expected status {}, got {}: {}", script.status, answer->status, answer->body));
  for (const auto& [name, value] : script.headers) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return static_cast<char>(::tolower(c)); });
    check(answer->header(lower) == value,
          fmt::format("header {}: expected {}, got {}", name, value, answer->header(lower)));
  }
  if (script.json) {
    auto expected = parse_json(replaced(*script.json, "{target}", target));
    auto actual = parse_json(answer->body);
    check(expected.has_value(), "the expected JSON does not parse: " + *script.json);
    check(actual.has_value(), "the body is not JSON: " + answer->body);
    if (expected && actual) {
      std::string difference = json_difference(*expected, *actual);
      check(difference.empty(), difference);
    }
  }
  if (script.exact) {
    std::string expected = replaced(replaced(*script.exact, "{target}", target), "{newline}", "\n");
    check(answer->body == expected, fmt::format("expected the body\n{}\ngot\n{}", expected, answer->body));
  }
  auto calls = api.on_loop([&] { return api.service().calls; });
  for (const HttpCase::Called& called : script.called) {
    std::string difference = check_call(called, calls);
    check(difference.empty(), difference);
  }
  return wrong;
}

}  // namespace slicemill
