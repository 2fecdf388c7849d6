-- In place of a table: SQLite makes these rows as they are read.
WITH RECURSIVE orders(id) AS (
    SELECT 1 UNION ALL SELECT id + 1 FROM orders LIMIT ?
)
SELECT id, id % 7 - 3, CASE id % 4
    WHEN 0 THEN 'grün, rot'
    WHEN 1 THEN 'a "big" one'
    WHEN 2 THEN 'two' || char(10) || 'lines'
    ELSE '=HYPERLINK("https://evil.example", "Open")' END
FROM orders
