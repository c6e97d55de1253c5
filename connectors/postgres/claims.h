// The claims of slices in a database: one row for each slice that has committed there, or must not commit any more, in
// the table slicemill_claims of the schema of the target. A row is unique by lineage, sink and slice, and is written in
// the transaction of the slice's rows: so one attempt of a slice commits, and every other one finds its row.
//
// A void claim says that no attempt up to its epoch may commit; a later one, which belongs to a recovery, may take it
// over. The slice "*" stands for all of a lineage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "connectors/postgres/session.h"
#include "core/model/output_facts.h"
#include "core/model/quarantine.h"
#include "core/model/slice.h"
#include "core/runtime/result.h"

namespace slicemill::postgres {

inline constexpr const char* kClaimsTable = "slicemill_claims";

struct Claim {
  bool is_void = false;
  Attempt attempt;  // void: the epoch up to which nothing may commit
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;                     // of the rows, as text
  std::uint64_t checksum = 0;                  // XXH3-64 of them
  std::vector<QuarantinedRecord> quarantined;  // all of the slice

  OutputFacts facts() const { return {.present = true, .records = records, .bytes = bytes, .checksum = checksum}; }
};

// Of one lineage and sink.
class Claims {
 public:
  // schema: of the target.
  Claims(std::string schema, std::string lineage, std::string sink);

  // The table is made unless it is there. invalid: the user may not make it; says how it is made.
  Result<void> make_table(Session& session) const;

  // Nothing: no attempt has committed the slice, and one of this epoch may.
  Result<std::optional<Claim>> find(Session& session, const std::string& slice, std::uint64_t epoch) const;
  // BEGIN of the transaction of a slice. False: the claim is another's, or void; the transaction is over. Waits for a
  // transaction that has claimed the slice and is not over yet.
  Result<bool> begin(Session& session, const std::string& slice, const Attempt& attempt,
                     const std::string& ex_id) const;
  // In the same transaction: what was written.
  Result<void> tell(Session& session, const std::string& slice, const Claim& claim) const;

  // From now on no attempt up to `epoch` commits one of these slices. Of each: what has committed before, if anything
  // has. conflict: one that is not over yet keeps it from that for longer than a few seconds.
  Result<std::vector<std::optional<Claim>>> fence(Session& session, const std::vector<std::string>& slices,
                                                  std::uint64_t epoch, const std::string& ex_id) const;
  // The same for every slice of the lineage.
  Result<void> fence_all(Session& session, std::uint64_t epoch, const std::string& ex_id) const;
  Result<std::vector<std::optional<Claim>>> committed(Session& session, const std::vector<std::string>& slices) const;

  const std::string& table() const { return table_; }  // in SQL
  const std::string& lineage() const { return lineage_; }
  const std::string& sink() const { return sink_; }

 private:
  Result<void> void_claim(Session& session, const std::string& slice, std::uint64_t epoch,
                          const std::string& ex_id) const;

  std::string schema_;
  std::string lineage_;
  std::string sink_;
  std::string table_;
  std::int64_t lock_ = 0;  // shared by transactions of slices, exclusive for fence_all()
};

}  // namespace slicemill::postgres
