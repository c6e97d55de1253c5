// Remarks on the records of an execution: what an operation's options expect and no record showed, such as
// `operations[1] selection: "ammount" was in no record`.
//
// A worker makes a remark when the operation meets its first record, and refutes it with the first record that shows
// otherwise. What some worker made and none refuted is told when the execution ends.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace slicemill {

struct Remark {
  std::string text;
  bool is_refuted = false;
  bool operator==(const Remark&) const = default;
};

// By text: whether it is refuted. A union: in whatever order remarks come in, and however often, it is the same.
using Remarks = std::map<std::string, bool>;

inline constexpr std::size_t kMostRemarks = 1000;  // more are not kept

// True if that changed anything.
inline bool add_remark(Remarks& remarks, const Remark& remark) {
  const auto known = remarks.find(remark.text);
  if (known == remarks.end())
    return remarks.size() < kMostRemarks && remarks.emplace(remark.text, remark.is_refuted).second;
  if (known->second || !remark.is_refuted) return false;
  return known->second = true;
}

inline std::vector<std::string> standing_remarks(const Remarks& remarks) {
  std::vector<std::string> texts;
  for (const auto& [text, is_refuted] : remarks)
    if (!is_refuted) texts.push_back(text);
  return texts;
}

}  // namespace slicemill
