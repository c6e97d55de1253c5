// libpq, loaded when it is first needed: processes without a PostgreSQL connection pay nothing for it and for what it
// brings along (TLS, Kerberos, LDAP), neither at their start nor in memory. Only files of this folder include it.
#pragma once

#include <libpq-fe.h>

#include "core/runtime/result.h"

namespace slicemill::postgres {

// The functions of libpq that are used here, by their names.
// clang-format off
#define SLICEMILL_LIBPQ_FUNCTIONS(X) \
  X(PQconninfoParse) X(PQconninfoFree) X(PQconnectStartParams) X(PQconnectPoll) X(PQfinish) X(PQstatus) \
  X(PQerrorMessage) X(PQsocket) X(PQsetErrorVerbosity) X(PQsetnonblocking) X(PQsendQuery) \
  X(PQsendQueryParams) X(PQflush) X(PQconsumeInput) X(PQisBusy) X(PQgetResult) X(PQresultStatus) \
  X(PQresultErrorField) X(PQresultErrorMessage) X(PQclear) X(PQntuples) X(PQnfields) X(PQfname) X(PQftype) \
  X(PQgetvalue) X(PQgetlength) X(PQcmdStatus) X(PQgetisnull) X(PQcmdTuples) X(PQgetCopyData) X(PQputCopyData) \
  X(PQputCopyEnd) X(PQfreemem) X(PQgetCancel) X(PQcancel) X(PQfreeCancel) X(PQparameterStatus) X(PQdb) \
  X(PQuser) X(PQhost) X(PQport) X(PQsslInUse) X(PQsetNoticeProcessor) X(PQtransactionStatus)
// clang-format on

struct Libpq {
#define SLICEMILL_LIBPQ_MEMBER(name) decltype(&::name) name = nullptr;
  SLICEMILL_LIBPQ_FUNCTIONS(SLICEMILL_LIBPQ_MEMBER)
#undef SLICEMILL_LIBPQ_MEMBER
};

// unsupported: the machine does not have it. Any thread.
Result<const Libpq*> load_libpq();

}  // namespace slicemill::postgres
