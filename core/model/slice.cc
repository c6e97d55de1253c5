#include "core/model/slice.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/core.h>

#include "core/runtime/ids.h"
#include "core/runtime/varint.h"

namespace slicemill {
namespace {

constexpr std::uint8_t kRunVersion = 1;
enum : std::uint8_t { kList = 0, kRange = 1 };

std::uint64_t range_count(const RangeRequests& range) {
  const auto span = static_cast<std::uint64_t>(range.end) - static_cast<std::uint64_t>(range.start);
  const auto step = static_cast<std::uint64_t>(range.step);
  return span / step + (span % step == 0 ? 0 : 1);
}

void append_number(std::int64_t number, std::string& out) {
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Of all members with this name, whose quotes no text within a JSON string can hold. Nothing: there is none.
std::optional<std::int64_t> sum_of(std::string_view request, std::string_view member) {
  std::optional<std::int64_t> sum;
  for (auto at = request.find(member); at != std::string_view::npos; at = request.find(member, at)) {
    at += member.size();
    std::int64_t number = 0;
    if (std::from_chars(request.data() + at, request.data() + request.size(), number).ec != std::errc()) continue;
    sum = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum.value_or(0)) + static_cast<std::uint64_t>(number));
  }
  return sum;
}

}  // namespace

std::string_view to_string(SliceState state) {
  switch (state) {
    case SliceState::pending:
      return "pending";
    case SliceState::start:
      return "start";
    case SliceState::completed:
      return "completed";
    case SliceState::error:
      return "error";
  }
  return "error";
}

std::string slice_id(std::string_view origin_ex_id, const SliceKey& key) {
  return derived_uuid(origin_ex_id, fmt::format("{}/{}/{}", key.slicer, key.order, key.path));
}

std::uint64_t SliceRun::count() const {
  if (const auto* list = std::get_if<ListRequests>(&requests)) return list->requests.size();
  return range_count(std::get<RangeRequests>(requests));
}

void SliceRun::append_request(std::uint64_t index, std::string& out) const {
  if (const auto* list = std::get_if<ListRequests>(&requests)) {
    out += list->requests[index];
    return;
  }
  const auto& range = std::get<RangeRequests>(requests);
  const std::int64_t start = range.start + static_cast<std::int64_t>(index) * range.step;
  // Written so that the last step cannot overflow.
  const std::int64_t length = std::min(range.step, range.end - start);
  // Not by a format: workers write one for every slice, and slices may be as small as a record.
  out += '{';
  out += range.fixed;
  out += range.fixed.empty() ? "\"" : ",\"";
  out += range.start_key;
  out += "\":";
  append_number(start, out);
  out += ",\"";
  out += range.span_key;
  out += "\":";
  append_number(range.span_is_length ? length : start + length, out);
  out += '}';
}

std::string SliceRun::request(std::uint64_t index) const {
  std::string text;
  append_request(index, text);
  return text;
}

std::uint64_t SliceRun::extent(std::uint64_t from, std::uint64_t to) const {
  std::uint64_t extent = 0;
  if (const auto* list = std::get_if<ListRequests>(&requests)) {
    for (std::uint64_t i = from; i < to; ++i) extent += request_extent(list->requests[i]);
    return extent;
  }
  const auto& range = std::get<RangeRequests>(requests);
  const auto step = static_cast<std::uint64_t>(range.step);
  if (to < range_count(range)) return (to - from) * step;
  return static_cast<std::uint64_t>(range.end) - static_cast<std::uint64_t>(range.start) - from * step;
}

std::uint64_t request_extent(std::string_view request) {
  for (const std::string_view member : {R"("length":)", R"("count":)"}) {
    if (const auto sum = sum_of(request, member)) return static_cast<std::uint64_t>(*sum);
  }
  const auto begin = sum_of(request, R"("start":)"), end = sum_of(request, R"("end":)");
  return begin && end ? static_cast<std::uint64_t>(*end) - static_cast<std::uint64_t>(*begin) : 0;
}

SliceRun SliceRun::part(std::uint64_t from, std::uint64_t to) const {
  SliceRun run{generation, slicer, first_order + from, created_ms, {}};
  if (const auto* list = std::get_if<ListRequests>(&requests)) {
    const auto begin = list->requests.begin();
    run.requests = ListRequests{{begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(to)}};
    return run;
  }
  RangeRequests range = std::get<RangeRequests>(requests);
  if (to < count()) range.end = range.start + static_cast<std::int64_t>(to) * range.step;
  range.start += static_cast<std::int64_t>(from) * range.step;
  run.requests = std::move(range);
  return run;
}

std::string encode_run(const SliceRun& run) {
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u8(kRunVersion);
  const auto* list = std::get_if<ListRequests>(&run.requests);
  writer.u8(list != nullptr ? kList : kRange);
  writer.varint(run.generation);
  writer.varint(run.slicer);
  writer.varint(run.first_order);
  writer.zigzag(run.created_ms);
  if (list != nullptr) {
    writer.varint(list->requests.size());
    for (const auto& request : list->requests) writer.text(request);
    return bytes;
  }
  const auto& range = std::get<RangeRequests>(run.requests);
  writer.text(range.fixed);
  writer.text(range.start_key);
  writer.text(range.span_key);
  writer.u8(range.span_is_length ? 1 : 0);
  writer.zigzag(range.start);
  writer.zigzag(range.step);
  writer.zigzag(range.end);
  return bytes;
}

Result<SliceRun> decode_run(std::string_view bytes) {
  ByteReader reader(bytes);
  const Error corrupt(ErrorCode::corrupt, "a slice run does not decode");
  if (reader.u8() != kRunVersion) return corrupt;
  const std::uint8_t kind = reader.u8();
  SliceRun run;
  run.generation = static_cast<std::uint16_t>(reader.varint());
  run.slicer = static_cast<std::uint32_t>(reader.varint());
  run.first_order = reader.varint();
  run.created_ms = reader.zigzag();
  if (kind == kList) {
    ListRequests list;
    const std::size_t count = reader.count();
    list.requests.reserve(count);
    for (std::size_t i = 0; i < count; ++i) list.requests.emplace_back(reader.text());
    run.requests = std::move(list);
  } else if (kind == kRange) {
    RangeRequests range;
    range.fixed = reader.text();
    range.start_key = reader.text();
    range.span_key = reader.text();
    range.span_is_length = reader.u8() != 0;
    range.start = reader.zigzag();
    range.step = reader.zigzag();
    range.end = reader.zigzag();
    if (range.step <= 0 || range.end <= range.start) return corrupt;
    run.requests = std::move(range);
  } else {
    return corrupt;
  }
  if (!reader.at_end()) return corrupt;
  return run;
}

}  // namespace slicemill
