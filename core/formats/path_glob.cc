#include "core/formats/path_glob.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <locale.h>

#include <algorithm>

#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill {
namespace {

// fnmatch() asks the thread's locale what a character is.
class CharactersAreUtf8 {
 public:
  CharactersAreUtf8() : before_(uselocale(utf8())) {}
  ~CharactersAreUtf8() { uselocale(before_); }
  CharactersAreUtf8(const CharactersAreUtf8&) = delete;
  CharactersAreUtf8& operator=(const CharactersAreUtf8&) = delete;

 private:
  // None: bytes are characters then.
  static locale_t utf8() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }
  locale_t before_;
};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool glob_matches(const std::vector<std::string>& pattern, std::size_t at, const std::vector<std::string>& path,
                  std::size_t from) {
  if (at == pattern.size()) return from == path.size();
  if (pattern[at] != kAnyDepth)
    return from < path.size() && component_matches(pattern[at], path[from]) &&
           glob_matches(pattern, at + 1, path, from + 1);
  if (at + 1 == pattern.size())  // everything below, but nothing hidden
    return from < path.size() && std::none_of(path.begin() + static_cast<std::ptrdiff_t>(from), path.end(),
                                              [](const std::string& name) { return name.starts_with('.'); });
  for (std::size_t next = from; next < path.size(); ++next) {
    if (glob_matches(pattern, at + 1, path, next)) return true;
    if (path[next].starts_with('.')) return false;
  }
  return false;
}

// What a shell would make several words of: {a,b} and {1..9}.
bool has_brace_expansion(std::string_view text) {
  std::size_t opened = std::string_view::npos;
  bool is_list = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      opened = i;
    } else if (opened != std::string_view::npos) {
      is_list = is_list || text[i] == ',' || text.substr(i, 2) == "..";
      if (text[i] == '}' && is_list) return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> path_components(std::string_view path) {
  std::vector<std::string> components = split(path, '/');
  std::erase_if(components, [](const std::string& component) { return component.empty(); });
  return components;
}

bool has_glob(std::string_view text) {
  return text.find_first_of("*?[") != std::string_view::npos;
}

Result<void> check_glob(std::string_view pattern) {
  if (has_brace_expansion(pattern)) {
    return Error(ErrorCode::invalid,
                 fmt::format("braces are not expanded here, and there is no file of the name {}: give a pattern of "
                             "* ? [...] **, or a job for each",
                             printable(pattern)),
                 false);
  }
  for (const std::string& component : path_components(pattern)) {
    if (component == kAnyDepth || component.find(kAnyDepth) == std::string::npos) continue;
    return Error(ErrorCode::invalid,
                 fmt::format("** stands for directories and must be alone between slashes, not in \"{}\": write "
                             "**/*{} or a single *",
                             printable(component), printable(component.substr(component.find(kAnyDepth) + 2))),
                 false);
  }
  return {};
}

bool component_matches(const std::string& pattern, const std::string& name) {
  if (is_ascii(name) && is_ascii(pattern)) return fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
  const CharactersAreUtf8 scope;
  return fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

bool glob_matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return glob_matches(pattern, 0, path, 0);
}

}  // namespace slicemill
