#include "operations/known_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/formats/csv_reader.h"
#include "core/formats/csv_sample.h"
#include "core/formats/file_reading.h"

namespace slicemill {
namespace {

std::vector<FieldPath> fields_of_names(std::span<const std::string> names) {
  std::vector<FieldPath> fields;
  for (const std::string& name : names) fields.push_back(FieldPath::of_name(name));
  return fields;
}

// What is wrong with the file its reader says.
std::optional<std::vector<FieldPath>> fields_of_header(const FileReading& reading, Files& files) {
  const auto stat = files.stat(reading.path);
  if (!stat || stat->kind != FileKind::regular) return std::nullopt;
  const auto beginning = read_beginning(files, reading, reading.path);
  if (!beginning) return std::nullopt;
  CsvOptions options = reading.csv();
  options.types.reset();
  options.on_value = [](std::size_t, std::string_view) {};  // no records
  CsvReader reader(std::move(options));
  RecordText none;
  const auto read =
      reader.read(beginning->view(), beginning->is_all, none, [](const BadCsvRow&) { return Result<void>(); });
  if (!read || reader.columns() == nullptr) return std::nullopt;
  return fields_of_names(*reader.columns());
}

std::optional<std::vector<FieldPath>> fields_of_reader(const OperationSpec& reader, Files* files) {
  if (reader.is_raw()) return std::nullopt;
  if (reader.name == "id_range") return std::vector{FieldPath::of_name("id")};
  if (reader.name != "file_reader") return std::nullopt;
  const auto reading = file_reading(reader.options);
  if (!reading) return std::nullopt;
  if (reading->format == RecordFormat::raw) return std::vector{FieldPath::of_name("data")};
  if (!is_delimited(reading->format)) return std::nullopt;
  if (!reading->fields.empty()) return fields_of_names(reading->fields);
  return files != nullptr ? fields_of_header(*reading, *files) : std::nullopt;
}

bool is_within(const FieldPath& inner, const FieldPath& outer) {
  const auto& around = outer.segments();
  const auto& within = inner.segments();
  return around.size() <= within.size() &&
         std::equal(around.begin(), around.end(), within.begin(),
                    [](const FieldPath::Segment& a, const FieldPath::Segment& b) { return a.name == b.name; });
}

}  // namespace

std::optional<KnownFields> KnownFields::behind(std::span<const OperationSpec> before, Files* files) {
  if (before.empty()) return std::nullopt;
  auto fields = fields_of_reader(before.front(), files);
  std::optional<KnownFields> known;
  if (fields) known = KnownFields(std::move(*fields));
  for (const OperationSpec& operation : before.subspan(1)) {
    if (!known && operation.name == "selection") {  // of any fields it leaves few
      known = KnownFields({});
      const bool is_good = !operation.is_raw() && known->choose(operation.options.at("fields"));
      if (!is_good) known.reset();
    } else if (known && !known->pass(operation)) {
      known.reset();
    }
  }
  return known;
}

bool KnownFields::pass(const OperationSpec& operation) {
  if (operation.is_raw()) return false;
  const std::string& name = operation.name;
  const Json& options = operation.options;
  if (name == "selection") {
    const KnownFields before = *this;
    if (!choose(options.at("fields"))) return false;
    if (options.at("fields").is_array())
      std::erase_if(fields_, [&](const FieldPath& field) { return !before.may_have(field); });
    return true;
  }
  if (name == "set_field") {
    add(options.at("field").get<std::string>());
  } else if (name == "copy_field") {
    copy(options);
  } else if (name == "drop_field" || name == "drop_property") {
    drop(options.at(name == "drop_field" ? "field" : "property").get<std::string>());
  } else {
    constexpr std::string_view kKeepFields[] = {"collect",     "date_router", "delay", "field_router", "filter",
                                                "hash_router", "key_router",  "noop",  "set_key",      "stdout"};
    return std::ranges::find(kKeepFields, name) != std::end(kKeepFields);
  }
  return true;
}

bool KnownFields::choose(const Json& chosen) {
  fields_.clear();
  if (!chosen.is_array() && !chosen.is_object()) return false;
  for (const auto& [name, path] : chosen.items()) {
    if (chosen.is_object())
      add(name);
    else if (path.is_string())
      add(path.get<std::string>());
  }
  return true;
}

void KnownFields::copy(const Json& options) {
  const auto source = options.at("source").get<std::string>();
  const auto path = FieldPath::parse(source);
  const bool copies = path && may_have(*path);
  if (options.value("delete_source", false)) drop(source);
  if (copies) add(options.at("destination").get<std::string>());
}

void KnownFields::drop(const std::string& path) {
  const auto dropped = FieldPath::parse(path);
  if (!dropped) return;
  std::erase_if(fields_, [&](const FieldPath& field) {
    return is_within(field, *dropped) || field.whole_name() == dropped->whole_name();
  });
}

void KnownFields::add(const std::string& path) {
  if (auto field = FieldPath::parse(path)) fields_.push_back(std::move(*field));
}

bool KnownFields::may_have(const FieldPath& field) const {
  return std::ranges::any_of(fields_, [&](const FieldPath& known) {
    return is_within(field, known) || is_within(known, field) || known.whole_name() == field.whole_name();
  });
}

std::string KnownFields::complaint(const FieldPath& field, WrittenField written) const {
  std::vector<std::string> names;
  for (const FieldPath& known : fields_) names.push_back(known.text());
  return fmt::format("no record has the field `{}`; there are {}", field.text(),
                     fields_that_are(names, field.text(), written));
}

std::optional<OperationSchema::PlaceWarning> absent_field_warning(const Json& options, const char* option,
                                                                  std::span<const OperationSpec> before) {
  const auto named = options.find(option);
  if (named == options.end()) return std::nullopt;
  const auto known = KnownFields::behind(before, nullptr);
  if (!known) return std::nullopt;
  const auto complaint = [&](const Json& path) -> std::optional<OperationSchema::PlaceWarning> {
    const auto field = path.is_string() ? FieldPath::parse(path.get<std::string>()) : Result<FieldPath>(FieldPath());
    if (!path.is_string() || !field || known->may_have(*field)) return std::nullopt;
    return OperationSchema::PlaceWarning{option, fmt::format("{}: {}", option, known->complaint(*field))};
  };
  if (!named->is_structured()) return complaint(*named);
  for (const Json& path : *named)
    if (auto found = complaint(path)) return found;
  return std::nullopt;
}

}  // namespace slicemill
