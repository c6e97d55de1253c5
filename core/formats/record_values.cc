#include "core/formats/record_values.h"

#include "core/formats/json_scan.h"

namespace slicemill {

bool append_text(std::string_view json, std::string& out) {
  const std::string_view inside = json.substr(1, json.size() - 2);
  if (inside.find('\\') == std::string_view::npos) {
    out.append(inside);
    return false;
  }
  const std::size_t begin = out.size();
  if (!append_unescaped(inside, out)) return false;
  replace_surrogates(out, begin);
  return true;
}

}  // namespace slicemill
