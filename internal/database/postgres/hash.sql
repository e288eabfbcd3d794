(-- Identifies all of the function p that changes its behaviour: owner, and
-- the definition with arguments, language, volatility, rights, settings, body
-- or library; of an aggregate its parts and their definitions.
SELECT left(encode(sha256(convert_to(json_build_array(pg_get_userbyid(p.proowner), p.prokind, CASE
  WHEN p.prokind <> 'a' THEN pg_get_functiondef(p.oid)
  ELSE (
    SELECT json_build_array(p.provolatile, p.prosecdef, p.proconfig, p.prorettype::regtype, a.aggkind, a.aggtranstype::regtype,
      a.agginitval, a.aggmtranstype::regtype, a.aggminitval, a.aggsortop::regoperator, (
        SELECT json_agg(json_build_array(f.oid::regprocedure, pg_get_userbyid(f.proowner), pg_get_functiondef(f.oid)) ORDER BY u.at)
        FROM unnest(ARRAY[a.aggtransfn::oid, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
          a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn]) WITH ORDINALITY u(oid, at) JOIN pg_proc f ON f.oid = u.oid))::text
    FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
  END)::text, getdatabaseencoding())), 'hex'), 32))
