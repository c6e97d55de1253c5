#include "api/dialects/teraslice/teraslice_fields.h"

#include <array>

namespace slicemill::api::teraslice {
namespace {

using query::Field;
using query::FieldRole;
using query::FieldType;

constexpr std::array kJobFields = {
    Field{"job_id", FieldType::keyword, FieldRole::job_id},
    Field{"_context", FieldType::keyword, FieldRole::kind},
    Field{"_created", FieldType::date, FieldRole::created},
    Field{"_updated", FieldType::date, FieldRole::updated},
    Field{"_deleted", FieldType::boolean, FieldRole::deleted},
    Field{"_deleted_on", FieldType::date, FieldRole::deleted_on},
    Field{"active", FieldType::boolean},
    Field{"analytics", FieldType::boolean},
    Field{"assets", FieldType::keywords},
    Field{"autorecover", FieldType::boolean},
    Field{"lifecycle", FieldType::keyword},
    Field{"max_retries", FieldType::integer},
    Field{"name", FieldType::text, FieldRole::name},
    Field{"probation_window", FieldType::integer},
    Field{"log_level", FieldType::keyword},
    Field{"slicers", FieldType::integer},
    Field{"workers", FieldType::integer},
    Field{"stateful", FieldType::boolean},
};

constexpr std::array kOnlyExecutionFields = {
    Field{"ex_id", FieldType::keyword, FieldRole::ex_id},
    Field{"_status", FieldType::keyword, FieldRole::status},
    Field{"_has_errors", FieldType::boolean, FieldRole::has_errors},
    Field{"recovered_execution", FieldType::keyword},
    Field{"recovered_slice_type", FieldType::keyword},
    Field{"slicer_port", FieldType::integer},
    Field{"slicer_hostname", FieldType::keyword},
    Field{"teraslice_version", FieldType::keyword},
    Field{"relocatable", FieldType::boolean},
    Field{"_failureReason", FieldType::text, FieldRole::reason},
};

constexpr auto kExecutionFields = [] {
  std::array<Field, kJobFields.size() + kOnlyExecutionFields.size()> all{};
  std::size_t at = 0;
  for (const Field& field : kJobFields) all[at++] = field;
  for (const Field& field : kOnlyExecutionFields) all[at++] = field;
  return all;
}();

constexpr std::array kSliceFields = {
    Field{"ex_id", FieldType::keyword},
    Field{"slice_id", FieldType::keyword},
    Field{"slicer_id", FieldType::keyword},
    Field{"slicer_order", FieldType::integer},
    Field{"state", FieldType::keyword},
    Field{"_created", FieldType::date, FieldRole::created},
    Field{"_updated", FieldType::date, FieldRole::updated},
    Field{"error", FieldType::keyword},
};

constexpr std::array kAssetFields = {
    Field{"_created", FieldType::date, FieldRole::created},
    Field{"name", FieldType::keyword},
    Field{"version", FieldType::keyword},
    Field{"id", FieldType::keyword},
    Field{"node_version", FieldType::integer},
    Field{"platform", FieldType::keyword},
    Field{"arch", FieldType::keyword},
};

}  // namespace

std::span<const Field> job_fields() {
  return kJobFields;
}

std::span<const Field> execution_fields() {
  return kExecutionFields;
}

std::span<const Field> slice_fields() {
  return kSliceFields;
}

std::span<const Field> asset_fields() {
  return kAssetFields;
}

}  // namespace slicemill::api::teraslice
