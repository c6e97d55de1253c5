#include "execution-controller/settlement/first_error.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/path_member.h"
#include "core/model/json_members.h"
#include "core/runtime/json.h"
#include "core/runtime/printable.h"
#include "core/runtime/text.h"

namespace slicemill::controller {
namespace {

constexpr std::size_t kMostErrorText = 1000;
constexpr std::size_t kMostRecordText = 200;

struct FilePart {
  std::string file;  // printable; "": the slice is none of one file
  std::optional<ByteRange> bytes;
};

std::string cut(std::string text, std::size_t most) {
  if (text.size() <= most) return text;
  text.resize(most);
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
  return text + "...";
}

FilePart file_part(const std::string& request) {
  const auto parsed = parse_json(request);
  if (!parsed || !parsed->is_object()) return {};
  const Json* object = &*parsed;
  // Of several slices in one only a single one says which file it was.
  if (const auto members = object->find("members"); members != object->end()) {
    if (!members->is_array() || members->size() != 1 || !members->front().is_object()) return {};
    object = &members->front();
  }
  const auto path = path_of(*object, "path");
  if (!path) return {};
  FilePart part{printable(*path), std::nullopt};
  const auto offset = json_members::whole(*object, "offset"), length = json_members::whole(*object, "length");
  if (offset && length && *length > 0) part.bytes = ByteRange{*offset, *offset + *length};
  return part;
}

std::string record_text(const FirstError& first) {
  return first.record ? cut(printable(first.record->bytes), kMostRecordText) : std::string();
}

}  // namespace

FirstErrorView view_of(const FirstError& first) {
  FilePart part = file_part(first.request);
  return {.error = cut(printable(first_line(first.error)), kMostErrorText),
          .file = std::move(part.file),
          .bytes = part.bytes,
          .place = first.record ? cut(printable(first.record->place), kMostErrorText) : std::string(),
          .record = first.record ? std::optional(record_text(first)) : std::nullopt,
          .slicer = first.slice.slicer,
          .order = first.slice.order,
          .is_quarantined = first.is_quarantined};
}

std::string first_error_text(const FirstError& first) {
  const FilePart part = file_part(first.request);
  std::string text = cut(printable(first_line(first.error)), kMostErrorText);
  if (part.bytes) {
    text += fmt::format(" ({}, bytes {} to {})", part.file, part.bytes->from, part.bytes->to);
  } else if (!part.file.empty() && text.find(part.file) == std::string::npos) {
    text += fmt::format(" ({})", part.file);
  }
  const std::string record = record_text(first);
  constexpr std::size_t kTelling = 40;  // so much of the record tells that the error has it
  if (!record.empty() && text.find(record.substr(0, kTelling)) == std::string::npos) text += "; record: " + record;
  return text;
}

}  // namespace slicemill::controller
