// What is said of input that is left out: counted by kind, with the first names. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slicemill {

class LeftOut {
 public:
  // kind: for one of them, "directory".
  void add(const std::string& kind, std::string_view path);
  void add(const std::string& kind, std::uint64_t count);
  bool has(const std::string& kind) const { return kinds_.contains(kind); }
  bool empty() const { return kinds_.empty(); }
  // "2 directories (a, b), 1 pipe (c)": kinds in the order of their names, the first three names of each.
  std::string text() const;

 private:
  struct Kind {
    std::uint64_t count = 0;
    std::vector<std::string> names;
  };
  std::map<std::string, Kind> kinds_;
};

}  // namespace slicemill
